/* The chat: what this page knows, and what the reader does with it. Pure.

Rules of this file
    1. News come in by `take` (news.js says what becomes of each), the reader's acts by the other
       methods. What is to be asked of the server, what the reader should be told, and what has
       changed pile up, and are taken by whoever drives.
    2. A post is shown at once, as pending, and leaves `pending` in the moment in which its
       message can be seen in the log, or is elsewhere in it: it stands there once, always.
    3. Nothing here is markup, and nothing is made harmless here: that is the views' business. */

import { takers } from "./news.js";
import { Places } from "./places.js";
import { Room, provisional } from "./room.js";
import { MAX_TEXT, codePoints } from "./text.js";

export class Chat {
  me = "";
  epoch = "";
  /** Whether there is a connection under this name. */
  online = false;
  /** Whether the name is an account's. */
  account = false;
  places = new Places();
  /** All rooms of the server, when they were asked for: {room, topic, count, head}. */
  directory = [];
  /** Whether the reader looks at the page. */
  watched = true;
  maxText = MAX_TEXT;
  #wants = [];
  #alerts = [];
  #told = [];
  #changed = new Set();
  /** Called when something has piled up. */
  stirred = () => {};

  /** What the server says. */
  take(news, now) {
    if (Object.hasOwn(takers, news.type)) takers[news.type](this, news, now);
  }

  // What piles up

  /** Ask this of the server. */
  want(request) {
    this.#wants.push(request);
    this.stirred();
  }

  takeWants() {
    return this.#wants.splice(0);
  }

  /** Call the reader for a message. */
  alert(room, message) {
    this.#alerts.push({ room, message });
    this.stirred();
  }

  takeAlerts() {
    return this.#alerts.splice(0);
  }

  /** Say something in passing: {say, places}, or {code, message} of a refusal. */
  tell(told) {
    this.#told.push(told);
    this.stirred();
  }

  takeTold() {
    return this.#told.splice(0);
  }

  /** Parts are to be drawn again (places, head, log, people, typing, directory) or kept (posts). */
  touch(...parts) {
    for (const part of parts) this.#changed.add(part);
    this.stirred();
  }

  takeChanged() {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  // What the reader does

  /** The present place, null where there is none. */
  get room() {
    return this.places.present;
  }

  /** Go to a place that there is. */
  open(key) {
    const room = this.places.get(key);
    if (room === null) return;
    if (this.room !== room) {
      if (this.room !== null) this.room.mark = null;
      this.places.current = key;
      room.following = true;
      room.draw();
    }
    this.load(room);
    this.touch("places", "head", "log", "people", "typing");
  }

  /** Enter a room, and go there. */
  join(name) {
    const room = this.places.room(name) ?? this.places.add(new Room(name));
    if (!room.joined) {
      room.refused = null;
      this.want({ type: "join", room: room.key, backlog: 0 });
    }
    this.open(room.key);
  }

  /** Write to one person. */
  talk(name) {
    if (name.toLowerCase() === this.me.toLowerCase()) return;
    const known = this.places.talk(name);
    this.open((known ?? this.places.add(new Room(provisional(name), name))).key);
  }

  leave(room) {
    if (room.joined && !room.talk) this.want({ type: "leave", room: room.key });
    this.forget(room);
  }

  /** A place of before a reload. */
  restore({ key, other, read, epoch }) {
    const room = this.places.add(new Room(key, other ?? null));
    Object.assign(room, { read, epoch });
    if (!room.talk) this.want({ type: "join", room: key, backlog: 0 });
  }

  /** A post to a place, pending from now on: {id, text, at}, perhaps with the `state` "failed". */
  posted(room, post) {
    room.pending.set(post.id, { state: "waiting", ...post });
    room.mark = null;
    this.touch("log", "places", "posts");
  }

  /** All posts that are not known to be in the log, as they are to be kept. */
  unsent() {
    const kept = [];
    for (const room of this.places) {
      for (const post of room.pending.values()) {
        if (post.state !== "sent") kept.push({ ...post, ...room.address });
      }
    }
    return kept.sort((a, b) => a.at - b.at);
  }

  /** A post that failed is not wanted any more, or is tried anew: the post, as it was. */
  withdraw(room, id) {
    const post = room.pending.get(id);
    room.pending.delete(id);
    this.touch("log", "posts");
    return post;
  }

  /** The reader has come to an end of what is loaded. */
  more(direction) {
    const room = this.room;
    if (room === null || room.name === null || !room.window.loaded) return;
    const request = room.window.want(room.name, direction);
    if (request !== null) this.want(request);
  }

  /** Go to the newest message, which may not be loaded any more. */
  toEnd() {
    const room = this.room;
    if (room === null) return;
    room.following = true;
    if (!room.window.atEnd) {
      room.window.clear();
      this.load(room);
    }
    this.touch("log");
  }

  /** The reader sees the end of the present place. */
  seen() {
    if (this.room?.window.atEnd && this.room.see()) this.touch("places");
  }

  /** Why a text may not be sent: "blank", "long", or null. */
  wrong(text) {
    if (text.trim() === "") return "blank";
    return codePoints(text) > this.maxText ? "long" : null;
  }

  askPeople(after) {
    const room = this.room;
    if (!room?.joined || room.talk) return;
    this.want({ type: "who", room: room.key, ...(after !== undefined && { after }) });
  }

  // For both sides

  /** See to it that a place has its newest messages. */
  load(room) {
    if (room.name === null || !(room.joined || room.talk)) return;
    const request = room.window.want(room.name, "newest");
    if (request !== null) this.want(request);
  }

  /** A place is not ours any more. */
  forget(room) {
    const present = this.room === room;
    this.places.remove(room);
    if (present) {
      const { rooms, talks } = this.places.sorted();
      this.open((rooms[0] ?? talks[0])?.key);
    }
    this.touch("places", "head", "log", "people", "typing");
  }
}
