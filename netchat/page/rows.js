/* Rows: a room's messages as they are to be seen, with the lines between them. Pure.

A row is {key, kind, ...}: "message", "gap", "day", "new", or "note" (a sentence at the top). */

import { dayKey, dayName } from "./when.js";
import { mentions } from "./text.js";
import { say, sayError, words } from "./words.js";
import { harmless } from "./harmless.js";

/** Milliseconds between two messages of one author that stand under one name. */
const TOGETHER = 5 * 60_000;

/** All rows of a room. `me`: the reader's name; `online`: whether posts are under way. */
export function rowsOf(room, { me, online }, now) {
  const rows = top(room);
  const keys = new Set();
  let before = null;
  let day = "";
  let drawn = room.mark === null;
  const line = (row) => {
    rows.push(row);
    before = null;
  };
  const put = (row) => {
    if (keys.has(row.key)) row.key = `seq:${row.seq}`; // of somebody who had this name before
    keys.add(row.key);
    const key = dayKey(row.time);
    if (key !== day) line({ key: `day:${key}`, kind: "day", text: dayName(row.time, now, words) });
    day = key;
    if (!drawn && row.seq > room.mark) {
      drawn = true;
      line({ key: "new", kind: "new" });
    }
    row.first = before === null || before.from !== row.from || row.time - before.time > TOGETHER;
    before = row;
    rows.push(row);
  };
  for (const item of room.window.items) {
    if (item.gap) line(gap(item));
    else put(message(item, me));
  }
  if (room.window.atEnd || room.name === null) {
    for (const post of room.pending.values()) put(pending(post, me, online));
  }
  return rows;
}

function message(item, me) {
  const own = item.from === me;
  const { seq, time, from, text } = item;
  const called = !own && mentions(text, me);
  return { key: own ? `id:${item.id}` : `seq:${seq}`, kind: "message", seq, time, from, text, own,
    called, me, state: own ? "sent" : "" };
}

function pending(post, me, online) {
  const { id, text } = post;
  const state = post.state === "waiting" && online ? "sending" : post.state;
  const why = state === "failed" ? sayError(post.code, post.why) : "";
  return { key: `id:${id}`, kind: "message", id, time: post.time ?? post.at, from: me, text,
    own: true, called: false, me, state, why };
}

function gap({ start, seq }) {
  const count = seq - start + 1;
  const text = count === 1 ? say("gap_one") : say("gap_many", { count });
  return { key: `gap:${seq}`, kind: "gap", seq, text };
}

/** What stands above everything. */
function top(room) {
  const { window } = room;
  const note = (text, kind = "note") => [{ key: `top:${text}`, kind, text }];
  if (room.refused) return note(sayError(room.refused.code, room.refused.message));
  if (window.anew) return note(say("anew"), "gap");
  if (room.name !== null && !window.loaded) return note(say("loading"));
  if (room.name !== null && !window.atStart) return note(say("loading"));
  if ((window.first ?? 1) > 1) return note(say("older_gone"));
  if (room.talk) {
    const name = harmless(room.other);
    return [...note(say("begin_talk", { name }), "begin"), ...note(say("talk_empty", { name }))];
  }
  const begin = note(say("begin_room", { room: harmless(room.key) }), "begin");
  return window.items.length > 0 ? begin : [...begin, ...note(say("room_empty"))];
}
