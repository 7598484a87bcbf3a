/* machine.js, outbox.js, backoff.js: as scripts. Time is an argument. */

import { Backoff } from "/netchat/page/backoff.js";
import { Machine, State } from "/netchat/page/machine.js";
import { Outbox } from "/netchat/page/outbox.js";
import { equal, ok, random } from "./checks.js";

const welcome = (more = {}) => ({ type: "welcome", name: "ana", token: "t1", epoch: "e", heartbeat: 25, limits: {}, talks: [], ...more });

class Play {
  machine = new Machine(random(1), 0);
  now = 0;

  constructor() {
    this.machine.login("ana");
    this.connect();
  }

  connect() {
    this.machine.tick((this.now = Math.max(this.now, this.machine.retryAt)));
    equal(this.machine.state, State.CONNECTING);
    this.machine.connected(this.now);
    return this;
  }

  says(event) {
    this.machine.receive(JSON.stringify(event), this.now);
    return this;
  }

  sent() {
    return this.machine.takeData().map((text) => JSON.parse(text));
  }

  news(type) {
    return this.machine.takeNews().filter((news) => news.type === type);
  }

  join() {
    const ref = this.machine.ask({ type: "join", room: "r", backlog: 0 });
    return this.says({ type: "joined", ref, room: "r", epoch: "e", head: 5, first: 1, count: 1, members: ["ana"], topic: "" });
  }
}

export const tests = {
  "a hello, a welcome, and what was asked before leaves in order": () => {
    const play = new Play();
    equal(play.sent().map((request) => request.type), ["hello"]);
    play.machine.ask({ type: "join", room: "r", backlog: 0 });
    const id = play.machine.ask({ type: "post", room: "r", text: "x" });
    equal(play.sent(), []);
    play.says(welcome());
    equal(play.sent().map((request) => request.type), ["join", "post"]);
    play.says({ type: "accepted", id, room: "r", seq: 1, time: 1 });
    equal(play.news("accepted")[0].request.text, "x");
  },
  "after a cut it joins from what it holds, resends with the same id, and lets no message by twice": () => {
    const play = new Play().says(welcome()).join();
    const row = (seq) => ({ type: "message", room: "r", seq, time: 1, from: "b", text: `${seq}`, id: `${seq}` });
    play.says(row(6));
    const id = play.machine.ask({ type: "post", room: "r", text: "x" });
    play.sent();
    play.machine.takeNews();
    play.machine.lost("cut", play.now);
    play.connect();
    equal(play.sent()[0].token, "t1");
    play.says(welcome());
    const [join, ping, post] = play.sent();
    equal([join.after, join.epoch, ping.type, post.id], [6, "e", "ping", id]);
    play.says({ type: "joined", ref: join.ref, room: "r", epoch: "e", head: 7, first: 1, count: 1, members: [], topic: "" });
    play.says(row(6)).says(row(7)).says(row(7));
    equal(play.news("message").map((news) => news.seq), [7]);
  },
  "a room's own pace holds up nothing else": () => {
    const play = new Play().says(welcome()).join();
    const id = play.machine.ask({ type: "post", room: "r", text: "x" });
    play.says({ type: "error", id, code: "rate_limited", message: "Slowly.", field: "room", retry_after: 3600 });
    equal(play.news("failed").length, 1);
    play.sent();
    play.machine.ask({ type: "post", room: "r", text: "y" });
    equal(play.sent().length, 1);
  },
  "who is put out of a room, or invited to one, is told": () => {
    const play = new Play().says(welcome()).join();
    play.says({ type: "left", room: "r", by: "olga", reason: "spam" }).says({ type: "invited", room: "s", by: "olga" });
    equal(play.machine.takeNews().slice(-2).map((news) => [news.type, news.by]), [["left", "olga"], ["invited", "olga"]]);
  },
  "a refusal for now puts a post back, a refusal for good tells of it": () => {
    const play = new Play().says(welcome()).join();
    const id = play.machine.ask({ type: "post", room: "r", text: "x" });
    play.sent();
    play.says({ type: "error", id, code: "rate_limited", message: "slow", retry_after: 2 });
    equal(play.sent(), []);
    equal(play.machine.deadline, play.now + 2);
    play.machine.tick(play.now + 2);
    equal(play.sent()[0].id, id);
    play.says({ type: "error", id, code: "forbidden", message: "no" });
    equal(play.news("failed")[0].post.text, "x");
  },
  "an identity that is forgotten leaves what may have been sent to the reader": () => {
    const play = new Play().says(welcome()).join();
    play.machine.ask({ type: "post", room: "r", text: "sent" });
    play.sent();
    play.machine.lost("cut", play.now);
    play.machine.ask({ type: "post", room: "r", text: "not sent" });
    play.connect();
    play.says({ type: "error", ref: "hello", code: "bad_token", message: "" });
    equal(play.sent().map((request) => request.token ?? null), ["t1", null]);
    play.says(welcome({ token: "t2" }));
    equal(play.news("failed").map((news) => [news.post.text, news.code]), [["sent", "doubtful"]]);
    ok(play.sent().some((request) => request.text === "not sent"));
  },
  "silence is asked about, and ends a connection": () => {
    const play = new Play().says(welcome());
    play.sent();
    play.machine.tick(45);
    equal(play.sent().map((request) => request.type), ["ping"]);
    play.machine.tick(65);
    equal(play.machine.state, State.OFFLINE);
  },
  "doubt asks at once and waits for less": () => {
    const play = new Play().says(welcome());
    play.sent();
    play.machine.doubt(1);
    equal(play.sent().map((request) => request.type), ["ping"]);
    equal(play.machine.deadline, 6);
  },
  "a server that says goodbye names the time; one that sends away is not asked again": () => {
    const play = new Play().says(welcome());
    play.says({ type: "bye", reason: "shutting_down", retry_after: 7 });
    ok(play.machine.retryAt >= 7 && play.machine.retryAt <= 7.5);
    const other = new Play().says(welcome());
    other.says({ type: "error", code: "kicked", message: "out", fatal: true });
    equal([other.machine.state, other.machine.deadline], [State.CLOSED, null]);
    other.machine.reopen(other.now);
    other.connect();
  },
  "nonsense names are no events": () => {
    const play = new Play().says(welcome());
    for (const type of ["constructor", "__proto__", "toString", "hasOwnProperty", "online"]) play.says({ type });
    equal(play.news("online").length, 1);
  },
  "pauses grow, with full jitter, to a bound": () => {
    const ceilings = new Backoff(() => 1);
    equal(Array.from({ length: 8 }, () => ceilings.next()), [0.5, 1, 2, 4, 8, 16, 30, 30]);
    equal(new Backoff(() => 0).next(3), 3);
  },
  "the outbox keeps its order over cuts and refusals": () => {
    const box = new Outbox("p");
    const post = (text) => ({ type: "post", room: "r", text });
    const ids = ["a", "b", "c"].map((text) => box.add(post(text)));
    box.restore({ type: "post", room: "r", text: "old", id: "old-1" });
    box.next();
    box.next();
    ok(box.putBack(ids[0], 5));
    equal(box.next(), null);
    box.release(5);
    equal([box.next().text, box.next().text, box.next().text], ["a", "c", "old"]);
    box.lost();
    equal(Array.from({ length: 4 }, () => box.next().text), ["a", "b", "c", "old"]);
    equal(box.answered("nobody"), null);
  },
};
