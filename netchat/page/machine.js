/* The machine: everything that the page does on the wire, without a socket or a clock. Pure.

Rules of this file
    1. Texts and time come in, texts and news go out. Whoever drives it calls one method for
       each thing that happens, then takes what is to be sent, then looks at `state`.
    2. `state` says what there should be: CONNECTING a connection under way, GREETING to LEAVING
       a live one, OFFLINE and CLOSED none. `deadline` says when to call `tick` at the latest.
    3. Nothing is asked of the server except through the outbox; only hello, bye, typing and the
       heartbeat go past it. So all of it survives a reconnect, in order.
    4. A person at leisure is not a failure: while there is no name to log in under, the
       connection may go, and comes back without a word when there is one.

    OFFLINE --due--> CONNECTING --> GREETING --welcome--> ONLINE --bye()--> LEAVING --> CLOSED
       ^                 |              |                    |
       +---- lost -------+--------------+--------------------+  (replaced, kicked: CLOSED)

News are the server's events as they came, with `request` where they answer one, and notices:
online, offline, caught_up, name_refused, delayed, failed, closed. Times are seconds. */

import { Backoff } from "./backoff.js";
import { BYE, HELLO, Login } from "./login.js";
import { Outbox } from "./outbox.js";
import { Positions } from "./positions.js";
import { Silence } from "./silence.js";

export const State = Object.freeze({
  OFFLINE: "offline",
  CONNECTING: "connecting",
  GREETING: "greeting",
  ONLINE: "online",
  LEAVING: "leaving",
  CLOSED: "closed",
});

const ATTACHED = new Set([State.GREETING, State.ONLINE, State.LEAVING]);

/** Errors after which to come back would be a fight, or in vain. */
const FINAL = new Set(["replaced", "kicked", "version_unsupported"]);

/** Seconds that a goodbye may take. */
const BYE_PATIENCE = 3;

/** Seconds over which a crowd spreads whose network has come back. */
const HURRY = 1;

/** Events that are handed out as they are, beside those that have a handler. */
const PASSED = new Set(["invited", "presence", "history", "members", "rooms", "typing", "password"]);

export class Machine {
  state = State.OFFLINE;
  retryAt;
  #random;
  #positions = new Positions();
  #login = new Login();
  #backoff;
  #silence;
  #data = [];
  #news = [];
  #beenOnline = false;
  #caughtUp = null;
  #whole = true;
  #leaveBy = 0;

  /** `random` gives a number from 0 to 1. */
  constructor(random, now) {
    const word = () => Math.floor(random() * 2 ** 32).toString(16).padStart(8, "0");
    this.outbox = new Outbox(word() + word());
    this.retryAt = now;
    this.#random = random;
    this.#backoff = new Backoff(random);
    this.#silence = new Silence(now);
  }

  // What a person wants

  /** Be called so: at once where a connection is waiting for it, else at the next. */
  login(name, { token, password } = {}) {
    if (this.state === State.ONLINE || this.state === State.LEAVING) return;
    this.#login.name = name;
    this.#login.password = password ?? null;
    if (token !== undefined) this.#login.token = token;
    if (this.state === State.GREETING) this.#hello();
  }

  /** The name to log in under; once online, as the server spells it. */
  get name() {
    return this.#login.name;
  }

  get token() {
    return this.#login.token;
  }

  /** Send a request, now or as soon as there is a connection; returns the id of a post, or the
   * `ref` of its answer. */
  ask(request) {
    const key = this.outbox.add(request);
    this.#pump();
    return key;
  }

  /** Tell the others at once, or never. */
  typing(request) {
    if (this.state === State.ONLINE) this.#send(request);
  }

  /** Leave in good order: behind everything that has been sent. */
  bye(now) {
    if (this.state === State.ONLINE) {
      this.state = State.LEAVING;
      this.#leaveBy = now + BYE_PATIENCE;
      this.#send({ type: "bye", ref: BYE });
    } else {
      this.#close("", null);
    }
  }

  /** Come back after all, or at once: somebody has asked for it. */
  reopen(now) {
    if (this.state === State.CLOSED) this.state = State.OFFLINE;
    if (this.state === State.OFFLINE) this.retryAt = now;
  }

  // What happens to the connection

  connected(now) {
    this.state = State.GREETING;
    this.#silence = new Silence(now);
    this.#hello();
  }

  receive(text, now) {
    if (!ATTACHED.has(this.state)) return;
    this.#silence.heard(now);
    const event = JSON.parse(text);
    if (Object.hasOwn(this.#handlers, event.type)) this.#handlers[event.type](event, now);
    else if (PASSED.has(event.type)) this.#pass(event);
    this.#pump();
  }

  /** The connection is gone, or never came. Try again in `floor` seconds or later. */
  lost(why, now, code = null, floor = 0) {
    if (this.state === State.LEAVING) this.#close(why, null);
    if (this.state === State.CLOSED || this.state === State.OFFLINE) return;
    this.state = State.OFFLINE;
    this.#letGo();
    this.#login.againAt = null;
    this.retryAt = now;
    if (this.name !== null) {
      this.retryAt += this.#backoff.next(floor);
      this.#news.push({ type: "offline", reason: why, code });
    }
  }

  /** Some time has passed. */
  tick(now) {
    if (this.state === State.OFFLINE) {
      if (this.name !== null && now >= this.retryAt) this.state = State.CONNECTING;
    } else if (ATTACHED.has(this.state)) {
      this.#mindSilence(now);
      if (this.state === State.LEAVING && now >= this.#leaveBy) this.#close("", null);
      if (this.#login.againAt !== null && now >= this.#login.againAt) this.#hello();
      this.outbox.release(now);
      this.#pump();
    }
  }

  /** There is a network, perhaps again: do not wait for long. */
  hurry(now) {
    if (this.state === State.OFFLINE) {
      this.retryAt = Math.min(this.retryAt, now + HURRY * this.#random());
    } else {
      this.doubt(now);
    }
  }

  /** There is reason to think that the connection is dead: ask. */
  doubt(now) {
    if (this.state !== State.ONLINE || this.#silence.asked) return;
    this.#silence.ask(now, true);
    this.#send({ type: "ping" });
  }

  // What comes of it

  /** When `tick` has something to do; null: not before something else has happened. */
  get deadline() {
    if (this.state === State.OFFLINE) return this.name === null ? null : this.retryAt;
    if (!ATTACHED.has(this.state)) return null;
    const times = [this.#silence.until, this.#login.againAt, this.outbox.heldUntil];
    if (this.state === State.LEAVING) times.push(this.#leaveBy);
    return Math.min(...times.filter((time) => time !== null));
  }

  /** The texts to be sent now. */
  takeData() {
    const data = this.#data;
    this.#data = [];
    return data;
  }

  /** What has happened since the last call, in order. */
  takeNews() {
    const news = this.#news;
    this.#news = [];
    return news;
  }

  // Sending

  #send(request) {
    this.#data.push(JSON.stringify(request));
  }

  #hello() {
    const hello = this.#login.hello();
    if (hello !== null) this.#send(hello);
  }

  #pump() {
    while (this.state === State.ONLINE) {
      const request = this.outbox.next();
      if (request === null) return;
      this.#send(request);
    }
  }

  #mindSilence(now) {
    if (now < this.#silence.until) return;
    if (this.#silence.asked) {
      this.lost("silence", now);
    } else {
      this.#silence.ask(now);
      this.#send({ type: "ping" });
    }
  }

  #letGo() {
    this.outbox.lost();
    this.#data = [];
  }

  #close(message, code) {
    if (this.state === State.CLOSED) return;
    this.state = State.CLOSED;
    this.#letGo();
    this.#news.push({ type: "closed", message, code });
  }

  // Receiving

  #pass(event) {
    const request = this.outbox.answered(event.ref);
    this.#news.push(request === null ? event : { ...event, request });
  }

  #handlers = {
    welcome: (event) => {
      if (this.state !== State.GREETING) return;
      const known = this.#login.welcome(event);
      const back = this.#beenOnline;
      const doubtful = known ? [] : this.outbox.takeDoubtful();
      this.state = State.ONLINE;
      this.#silence.heartbeat = event.heartbeat;
      this.#backoff.reset();
      this.#beenOnline = this.#whole = true;
      const joins = this.#positions.welcome(event.epoch, event.talks, known && back);
      // The pong says that all joins are answered, and every gap is told of.
      if (back) this.#caughtUp = this.outbox.restart([...joins, { type: "ping" }]).at(-1);
      this.#news.push({ ...event, type: "online", known, back });
      for (const post of doubtful) this.#fail(post, "doubtful", "");
    },

    joined: (event) => {
      const request = this.outbox.answered(event.ref);
      if (request?.type === "join") this.#positions.joined(event, request);
      this.#news.push({ ...event, request });
    },

    left: (event) => {
      this.outbox.answered(event.ref);
      this.#positions.leave(event.room);
      this.#news.push(event);
    },

    accepted: (event) => {
      const request = this.outbox.answered(event.id);
      this.#news.push({ ...event, request });
    },

    message: (event) => {
      if (this.#positions.isNew(event)) this.#news.push(event);
    },

    gap: (event) => {
      this.#whole = false;
      if (this.#positions.gap(event)) this.#news.push(event);
    },

    ping: () => this.#send({ type: "pong" }),

    pong: (event) => {
      const answered = this.outbox.answered(event.ref);
      if (answered !== null && event.ref === this.#caughtUp) {
        this.#news.push({ type: "caught_up", whole: this.#whole });
      }
    },

    bye: (event, now) => {
      if (this.state === State.LEAVING) this.#close("", null);
      else this.lost(event.reason, now, "bye", event.retry_after ?? 0);
    },

    error: (event, now) => {
      if (event.ref === BYE) {
        this.#close(event.message, null);
      } else if (event.ref !== HELLO) {
        this.#refused(event, now);
      } else if (this.state === State.GREETING && !FINAL.has(event.code)) {
        const notice = this.#login.refused(event, now);
        this.#news.push(notice ?? { ...event, type: "delayed" });
        this.tick(now);
      }
      if (FINAL.has(event.code)) this.#close(event.message, event.code);
      else if (event.fatal) this.lost(event.message, now, event.code, event.retry_after ?? 0);
    },
  };

  #refused(event, now) {
    const key = event.id ?? event.ref;
    const held = this.outbox.heldUntil !== null;
    const rooms = event.field === "room"; // a room's pace holds up nothing else
    if (event.retry_after !== undefined && !rooms && this.outbox.putBack(key, now + event.retry_after)) {
      if (!held) this.#news.push({ ...event, type: "delayed" });
      return;
    }
    const request = this.outbox.answered(key);
    if (request?.type === "post") {
      this.#fail(request, event.code, event.message);
    } else if (!event.fatal) {
      if (request?.type === "join") this.#positions.refused(request, event.code);
      this.#news.push({ ...event, request });
    }
  }

  #fail(post, code, message) {
    this.#news.push({ type: "failed", post, code, message });
  }
}
