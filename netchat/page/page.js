/* The page: the chat, the link and the views, joined.

What happens (a piece of news, an act of the reader) piles up in the chat, and is dealt with at
the end of the same turn: requests leave, what must survive is kept. Views are drawn once a frame,
whatever has happened meanwhile, so a busy room costs no more than a frame's work. */

import { Alerts, drawTitle } from "./alerts.js";
import { Chat } from "./chat.js";
import { release } from "./claim.js";
import { parse } from "./commands.js";
import { Composer } from "./composer.js";
import { Entry, ask, askPassword, showHelp } from "./dialogs.js";
import { at } from "./dom.js";
import { closeDrawer } from "./drawers.js";
import { broken } from "./keep.js";
import { harmless } from "./harmless.js";
import { Link } from "./link.js";
import { Switcher } from "./switcher.js";
import { LogView } from "./view_log.js";
import { PeopleView, PlacesView, drawHead } from "./view_places.js";
import { StatusView, drawTyping } from "./view_status.js";
import { say, sayError } from "./words.js";

/** Where one is to begin with. */
const FIRST_ROOM = "lobby";

/** Milliseconds after which changed places are kept. */
const PAUSE = 400;

const seconds = () => performance.now() / 1000;
const touch = matchMedia("(pointer: coarse)"); // there the focus brings up a keyboard

export class Page {
  chat = new Chat();
  #slot;
  #changed = new Set();
  #stirred = false;
  #frame = 0;
  #timer = 0;
  #leaving = false;
  #warned = false;

  constructor(slot) {
    const { chat } = this;
    this.#slot = slot;
    this.link = new Link((news) => this.#hear(news));
    this.log = new LogView(chat, {
      retry: (id) => this.#retry(id),
      discard: (id) => chat.withdraw(chat.room, id),
      talk: (name) => chat.talk(name),
    });
    this.places = new PlacesView(chat);
    this.people = new PeopleView(chat);
    this.composer = new Composer(chat, slot, {
      post: (room, text) => this.#entered(room, text),
      typing: (room) => this.link.do((machine) => machine.typing({ type: "typing", ...room.address })),
    });
    this.status = new StatusView(this.link, () => this.#comeBack());
    this.switcher = new Switcher(chat, () => this.#ask({ type: "rooms" }));
    this.alerts = new Alerts((room) => chat.open(room.key), (text) => this.status.pass(text));
    this.entry = new Entry((name, password) => this.#login(name, { password }));
    chat.stirred = () => this.#stir();
    this.#listen();
  }

  /** Begin as who one was, or by asking. */
  start() {
    const who = this.#slot.who;
    if (who === null) {
      this.entry.show("");
    } else {
      this.chat.me = who.name;
      this.entry.hide();
      this.#login(who.name, { token: who.token });
    }
    this.#restore();
  }

  #restore() {
    const { current, rooms } = this.#slot.places;
    for (const room of rooms) this.chat.restore(room);
    if (rooms.length === 0) this.chat.join(hashRoom() ?? FIRST_ROOM);
    else if (hashRoom() !== null) this.chat.join(hashRoom());
    else this.chat.open(this.chat.places.get(current) ? current : rooms[0].key);
    this.#askAll(); // the joins stand before the posts
    for (const post of this.#slot.posts) this.#restorePost(post);
  }

  #restorePost({ id, text, at: written, room, to, state, code, why }) {
    const address = room === undefined ? { to } : { room };
    if (room === undefined) this.chat.talk(to);
    const place = this.chat.places.of(address);
    if (place === null) return;
    this.chat.posted(place, { id, text, at: written, state, code, why });
    if (state !== "failed") this.link.machine.outbox.restore({ type: "post", id, text, ...address });
  }

  #listen() {
    at("go").addEventListener("click", () => this.switcher.open());
    at("keys").addEventListener("click", showHelp);
    at("leave").addEventListener("click", () => this.#leave());
    at("out").addEventListener("click", () => this.#signOut());
    addEventListener("hashchange", () => hashRoom() !== null && this.chat.join(hashRoom()));
    addEventListener("pagehide", () => this.#keepPlaces());
    const watch = () => {
      this.chat.watched = !document.hidden && document.hasFocus();
      this.chat.touch("log");
    };
    for (const kind of ["focus", "blur"]) addEventListener(kind, watch);
    document.addEventListener("visibilitychange", watch);
    watch();
  }

  // What the reader does

  #login(name, options) {
    this.link.do((machine) => machine.login(name, options));
  }

  /** A text was entered. False where it has to stay in the field. */
  #entered(room, text) {
    const command = parse(text);
    if (command.wrong !== undefined) {
      this.status.pass(say("no_command", { command: harmless(command.wrong) }));
      return false;
    }
    const [first, rest] = command.arguments;
    if (command.name === "say") return this.#post(room, first);
    if (command.name === "join") this.chat.join(first.replace(/^#/, ""));
    if (command.name === "leave") this.#leave();
    if (command.name === "help") showHelp();
    if (command.name === "password") this.#changePassword();
    if (command.name === "msg") {
      this.chat.talk(first);
      if (rest !== undefined && this.chat.room.talk) return this.#post(this.chat.room, rest);
    }
    return true;
  }

  #post(room, text, id = this.link.machine.outbox.id()) {
    if (this.link.machine.outbox.full) {
      this.status.pass(say("outbox_full"));
      return false;
    }
    this.chat.posted(room, { id, text, at: Date.now() });
    this.#keepPosts(); // before it is sent
    this.#ask({ type: "post", id, text, ...room.address });
    if (room === this.chat.room) this.chat.toEnd();
    return true;
  }

  /** The same id, so that it is stored once even if it had arrived. */
  #retry(id) {
    const room = this.chat.room;
    const post = this.chat.withdraw(room, id);
    if (post !== undefined) this.#post(room, post.text, post.code === "id_conflict" ? undefined : id);
  }

  async #leave() {
    const room = this.chat.room;
    if (room === null) return;
    const name = harmless(room.key);
    if (!room.talk && !(await ask(say("leave_ask", { room: name }), say("leave")))) return;
    this.chat.leave(room);
    this.composer.focus();
  }

  async #signOut() {
    const unsent = this.chat.unsent().length > 0 ? ` ${say("sign_out_unsent")}` : "";
    if (!(await ask(say("sign_out_ask") + unsent, say("sign_out")))) return;
    this.#leaving = true;
    this.#slot.erase();
    release();
    this.link.do((machine, now) => machine.bye(now));
  }

  async #changePassword() {
    if (!this.chat.online) {
      this.status.pass(say("need_connection"));
      return;
    }
    const given = await askPassword(this.chat.account);
    if (given !== null) this.#ask({ type: "password", ...given });
    this.composer.focus();
  }

  #comeBack() {
    this.#slot.shut = false;
    this.link.do((machine, now) => machine.reopen(now));
  }

  #ask(request) {
    try {
      this.link.do((machine) => machine.ask(request));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.status.pass(say("outbox_full"));
    }
  }

  #askAll() {
    for (const request of this.chat.takeWants()) this.#ask(request);
  }

  // What happens

  #hear(news) {
    if (news === null) {
      this.status.draw();
      return;
    }
    this.chat.take(news, seconds());
    this.status.take(news);
    if (news.type === "online") this.#online(news);
    if (news.type === "name_refused") this.entry.refused(news, this.#slot.who !== null);
    if (news.type === "delayed" && this.entry.isShown) this.entry.tell(sayError(news.code, news.message));
    if (news.type === "offline" && this.entry.isShown) this.entry.tell(say("reconnecting_now"));
    if (news.type === "closed") {
      this.#slot.shut = true;
      if (this.#leaving) location.reload();
    }
  }

  #online() {
    this.#slot.who = { name: this.chat.me, token: this.link.machine.token };
    at("me").textContent = harmless(this.chat.me);
    if (this.entry.isShown) {
      this.entry.hide();
      if (!touch.matches) this.composer.focus();
    }
  }

  #stir() {
    if (this.#stirred) return;
    this.#stirred = true;
    queueMicrotask(() => {
      this.#stirred = false;
      this.#settle();
    });
  }

  #settle() {
    this.#askAll();
    for (const told of this.chat.takeTold()) this.status.pass(sayTold(told));
    for (const alert of this.chat.takeAlerts()) this.alerts.call(alert);
    const changed = this.chat.takeChanged();
    if (changed.delete("posts")) this.#keepPosts();
    if (changed.has("places")) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#keepPlaces(), PAUSE);
    }
    for (const part of changed) this.#changed.add(part);
    if (document.hidden) drawTitle(this.chat);
    if (this.#changed.size > 0) this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const changed = this.#changed;
    this.#changed = new Set();
    this.#frame = 0;
    const other = this.composer.draw();
    if (changed.has("places")) this.places.draw();
    if (changed.has("head") || other) drawHead(this.chat);
    if (changed.has("people")) this.people.draw();
    if (changed.has("log")) this.log.draw();
    if (changed.has("directory") || changed.has("people")) this.switcher.draw();
    if (changed.has("typing") && drawTyping(this.chat, seconds())) {
      setTimeout(() => this.chat.touch("typing"), 1000);
    }
    drawTitle(this.chat);
    if (other) this.#arrived();
  }

  /** The reader has come to another place. */
  #arrived() {
    const room = this.chat.room;
    const hash = room === null || room.talk ? "" : `#${encodeURIComponent(room.key)}`;
    history.replaceState(null, "", hash || location.pathname + location.search);
    closeDrawer();
    if (!touch.matches && !this.entry.isShown) this.composer.focus();
  }

  // What is kept

  #keepPosts() {
    this.#slot.posts = this.chat.unsent();
    if (broken && !this.#warned) this.status.pass(say("no_storage"));
    this.#warned = broken;
  }

  #keepPlaces() {
    const kept = [...this.chat.places].filter((room) => room.refused?.code !== "room_invalid");
    const rooms = kept.map(({ key, other, read, epoch }) => ({ key, other, read, epoch }));
    this.#slot.places = { current: this.chat.places.current, rooms };
  }
}

/** What the chat has to say in passing. */
function sayTold({ say: key, places, code, message }) {
  if (key === undefined) return sayError(code, message);
  const shown = Object.entries(places).map(([place, text]) => [place, harmless(String(text))]);
  return say(key, Object.fromEntries(shown));
}

/** The room that the page's address names. */
function hashRoom() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || null;
  } catch {
    return null;
  }
}
