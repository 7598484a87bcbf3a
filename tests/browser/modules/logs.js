/* window.js, rows.js: what is held of a log is contiguous, bounded and shown once. */

import { CAP, PAGE, Window } from "/netchat/page/window.js";
import { Room } from "/netchat/page/room.js";
import { rowsOf } from "/netchat/page/rows.js";
import { equal, ok, random } from "./checks.js";

const message = (seq) => ({ seq, time: seq * 1000, from: "bea", text: `${seq}`, id: `${seq}` });
const range = (from, to) => Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => message(from + at));

/** The server's answer from a log of so many messages. */
function answer(request, head) {
  if (request.after !== undefined) {
    const to = Math.min(head, request.after + request.limit);
    return { request, messages: range(request.after + 1, to), complete: to === head };
  }
  const before = request.before ?? head + 1;
  const from = Math.max(1, before - request.limit);
  return { request, messages: range(from, before - 1), complete: from === 1 };
}

function contiguous(window) {
  window.items.forEach((item, at) => {
    if (at > 0) equal(item.seq, window.items[at - 1].seq + 1);
  });
}

export const tests = {
  "whatever comes in whatever order, it is contiguous and bounded, and its end is the log's": () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const next = random(seed);
      const window = new Window();
      let head = Math.floor(next() * 1200);
      let waiting = null;
      for (let step = 0; step < 120; step += 1) {
        const act = next();
        if (act < 0.3 && waiting === null) {
          waiting = window.want("r", ["newest", "older", "newer"][Math.floor(next() * (window.loaded ? 3 : 1))]);
          if (waiting) waiting.read = head; // the page is read now, and comes later
        } else if (act < 0.6 && waiting !== null) {
          window.page(answer(waiting, waiting.read));
          waiting = null;
        } else {
          const following = next() < 0.5;
          for (let more = 0; more < next() * 60; more += 1) window.append(message((head += 1)), following);
        }
        contiguous(window);
        ok(window.items.length <= CAP + 2 * PAGE, "too many");
        if (window.atEnd && window.items.length > 0) equal(window.last, head);
        if (window.atStart && window.items.length > 0) equal(window.first, 1);
      }
    }
  },
  "a gap is an item, and a log that begins anew empties it": () => {
    const window = new Window();
    window.page(answer(Object.assign(window.want("r", "newest")), 3));
    window.gap({ reason: "retention", from: 4, to: 6 }, true);
    window.append(message(7), true);
    equal(window.items.map((item) => item.seq), [1, 2, 3, 6, 7]);
    window.gap({ reason: "epoch_changed", from: 1, to: 7 }, true);
    window.append(message(1), true);
    equal(window.items.map((item) => item.seq), [1]);
  },
  "rows have days, one new line, and keys of their own": () => {
    const room = new Room("r");
    room.window.page(answer(room.window.want("r", "newest"), 5));
    room.window.append({ ...message(6), time: 3 * 86_400_000 }, true);
    Object.assign(room, { mark: 3, read: 3, head: 6 });
    room.pending.set("x", { id: "x", text: "mine", at: 3 * 86_400_000, state: "waiting" });
    const rows = rowsOf(room, { me: "ana", online: true }, 0);
    equal(rows.map((row) => row.kind).join(" "),
      "begin day message message message new message message day message message");
    equal(new Set(rows.map((row) => row.key)).size, rows.length);
    equal(rows.at(-1).state, "sending");
  },
  "somebody who had my name before does not hide a message": () => {
    const room = new Room("r");
    const page = room.window.want("r", "newest");
    const twice = [1, 2].map((seq) => ({ ...message(seq), from: "ana", id: "same" }));
    room.window.page({ request: page, messages: twice, complete: true });
    equal(rowsOf(room, { me: "ana", online: true }, 0).filter((row) => row.kind === "message").length, 2);
  },
};
