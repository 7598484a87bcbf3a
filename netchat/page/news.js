/* News: what becomes of the chat with each thing that the server says. Pure; a part of chat.js. */

import { isTalk } from "./positions.js";
import { provisional } from "./room.js";
import { mentions } from "./text.js";

/** Codes of refusals by which a whole room is out of reach. */
const OUT = new Set(["forbidden", "no_such_room", "too_many_rooms", "room_invalid", "store_failed"]);

/** Rooms that are listed at most: more than anybody looks through. */
const LISTED = 1000;

export const takers = { online, offline, closed: offline, joined, left, invited, accepted, message, gap, history, presence, members,
  rooms, typing, password, failed, error };

function online(chat, news) {
  chat.online = true;
  chat.me = news.name;
  chat.account = news.account === true;
  chat.epoch = news.epoch;
  chat.maxText = news.limits?.text ?? chat.maxText;
  if (!news.known) forgetTalks(chat);
  for (const talk of news.talks.toReversed()) {
    const room = bound(chat, talk.room, talk.with);
    room.other = talk.with;
    if (!room.window.loaded) room.reaches(news.epoch, talk.head);
  }
  if (chat.room !== null) chat.load(chat.room);
  chat.touch("places", "head", "log", "people");
}

function offline(chat) {
  chat.online = false;
  chat.touch("log", "people");
}

function joined(chat, news) {
  const room = chat.places.spelled(news.room, news.request?.room);
  if (news.request?.after === undefined) room.reaches(news.epoch, news.head);
  Object.assign(room, { joined: true, refused: null, topic: news.topic });
  room.roster.joined(news);
  if (!room.talk && room.roster.whole) chat.want({ type: "who", room: room.key });
  if (chat.room === room) {
    room.draw();
    chat.load(room);
  }
  chat.touch("places", "head", "people", "log");
}

function left(chat, news) {
  const room = chat.places.get(news.room);
  if (room !== null && !room.talk && room.joined) chat.forget(room);
  if (news.by === undefined) return;
  chat.tell({ say: "put_out", places: { by: news.by, room: news.room, why: news.reason ?? "" } });
}

function invited(chat, news) {
  chat.tell({ say: "invited", places: { by: news.by, room: news.room } });
}

function accepted(chat, news) {
  const room = isTalk(news.room)
    ? bound(chat, news.room, news.request?.to ?? "")
    : chat.places.get(news.room);
  const post = room?.pending.get(news.id);
  if (post === undefined) return;
  Object.assign(post, { state: "sent", seq: news.seq, time: news.time });
  settle(room);
  chat.touch("log", "posts");
}

function message(chat, news) {
  const own = news.from === chat.me;
  const room = isTalk(news.room)
    ? bound(chat, news.room, own ? news.to : news.from)
    : chat.places.spelled(news.room);
  room.head = Math.max(room.head, news.seq);
  room.wrote(news.from);
  room.window.append(news, room !== chat.room || room.following);
  if (own && room.window.loading === null && room.pending.delete(news.id)) chat.touch("posts");
  if (room.talk) chat.places.rise(room);
  count(chat, room, news, own);
  chat.touch("log", "typing", "places");
}

/** What is new to the reader, and whether to call for it. */
function count(chat, room, news, own) {
  if (own) {
    room.read = news.seq;
    return;
  }
  const seen = room === chat.room && chat.watched && room.following;
  if (seen) return;
  const called = room.talk || mentions(news.text, chat.me);
  if (room === chat.room) room.draw();
  room.mentioned ||= called;
  if (called && !(room === chat.room && chat.watched)) chat.alert(room, news);
}

function gap(chat, news) {
  const room = chat.places.get(news.room);
  if (room === null) return;
  if (news.reason === "epoch_changed") {
    Object.assign(room, { epoch: news.epoch, head: 0, read: 0, mark: null });
  } else {
    room.head = Math.max(room.head, news.to);
  }
  room.window.gap(news, room !== chat.room || room.following);
  chat.touch("log", "places");
}

function history(chat, news) {
  const room = chat.places.get(news.room);
  if (room === null || news.request === undefined) return;
  room.window.page(news);
  if (room.window.atEnd) room.head = Math.max(room.head, room.window.last ?? 0);
  for (const row of news.messages) if (row.from === chat.me) room.pending.delete(row.id);
  settle(room);
  chat.touch("log", "places", "posts");
}

/** What has been accepted is not pending, unless its message is about to come. */
function settle(room) {
  const { window } = room;
  if (window.loading !== null) return;
  for (const post of room.pending.values()) {
    const elsewhere = !window.atEnd || (window.last ?? 0) >= post.seq;
    if (post.state === "sent" && elsewhere) room.pending.delete(post.id);
  }
}

function presence(chat, news) {
  chat.places.get(news.room)?.roster.presence(news);
  chat.touch("people", "head");
}

function members(chat, news) {
  chat.places.get(news.room)?.roster.members(news);
  chat.touch("people");
}

function rooms(chat, news) {
  if (news.request === undefined) return;
  chat.directory = news.request.after === undefined ? [] : chat.directory;
  chat.directory.push(...news.rooms);
  if (!news.complete && news.rooms.length > 0 && chat.directory.length < LISTED) {
    chat.want({ type: "rooms", after: news.rooms.at(-1).room });
  }
  chat.touch("directory");
}

function typing(chat, news, now) {
  if (news.from === chat.me) return;
  const room = news.room ? chat.places.get(news.room) : chat.places.talk(news.from);
  room?.typed(news.from, now);
  chat.touch("typing");
}

function password(chat, news) {
  chat.account = true;
  chat.tell({ say: "password_set", places: { name: news.name } });
}

function failed(chat, news) {
  const post = chat.places.of(news.post)?.pending.get(news.post.id);
  if (post === undefined) return;
  Object.assign(post, { state: "failed", code: news.code, why: news.message });
  chat.touch("log", "posts");
}

function error(chat, news) {
  const request = news.request;
  const room = chat.places.get(request?.room);
  if (request?.type === "history") room?.window.give();
  if (request?.type === "join" && room !== null && OUT.has(news.code)) {
    room.joined = false;
    room.refused = { code: news.code, message: news.message };
  }
  chat.tell({ code: news.code, message: news.message });
  chat.touch("places", "head", "log");
}

/** The talk with this name on the wire. A new one begins unread. */
function bound(chat, name, other) {
  const room = chat.places.bound(name, other);
  room.epoch ||= chat.epoch;
  room.read ??= 0;
  if (chat.room === room) chat.load(room);
  return room;
}

/** Talks belong to an identity, and this is a new one. What was not sent waits for a new talk. */
function forgetTalks(chat) {
  for (const room of [...chat.places]) {
    if (!room.talk || room.name === null) continue;
    if (room.pending.size === 0) chat.forget(room);
    else chat.places.rename(room, provisional(room.other));
    room.window.clear();
  }
}
