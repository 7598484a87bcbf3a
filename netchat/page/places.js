/* Places: the rooms and private talks of this page, by key, and the present one. Pure.

Spelling is the server's. A reader who asked for another one, or who writes to somebody for the
first time, has a place already; it gets its right key with the answer. */

import { isTalk } from "./positions.js";
import { Room, provisional } from "./room.js";

const compare = new Intl.Collator(undefined, { sensitivity: "base", numeric: true }).compare;
const fold = (name) => name.toLowerCase();

export class Places {
  current = null;
  #rooms = new Map(); // key: Room; talks in order of their newest message, the last one newest

  /** The present place, null where there is none. */
  get present() {
    return this.get(this.current);
  }

  get(key) {
    return this.#rooms.get(key) ?? null;
  }

  [Symbol.iterator]() {
    return this.#rooms.values();
  }

  /** As a reader sees them: rooms by name; talks, those with the newest message first. */
  sorted() {
    const all = [...this];
    const rooms = all.filter((room) => !room.talk).sort((a, b) => compare(a.key, b.key));
    return { rooms, talks: all.filter((room) => room.talk).reverse() };
  }

  add(room) {
    this.#rooms.set(room.key, room);
    return room;
  }

  remove(room) {
    this.#rooms.delete(room.key);
    if (this.current === room.key) this.current = null;
  }

  /** A talk in which something happened comes first. */
  rise(room) {
    this.#rooms.delete(room.key);
    this.#rooms.set(room.key, room);
  }

  /** A room by a name as somebody typed it. */
  room(name) {
    return [...this].find((room) => !room.talk && fold(room.key) === fold(name)) ?? null;
  }

  /** A talk by the other's name. */
  talk(name) {
    return [...this].find((room) => room.talk && fold(room.other) === fold(name)) ?? null;
  }

  /** The room under the server's spelling; `asked` is the reader's. */
  spelled(name, asked) {
    const known = this.get(name) ?? this.room(asked ?? name);
    if (known === null) return this.add(isTalk(name) ? new Room(name, "") : new Room(name));
    this.rename(known, name);
    return known;
  }

  /** The talk with this name on the wire: there already, waiting for it, or new. */
  bound(name, other) {
    const known = this.get(name);
    if (known !== null) return known;
    const waiting = this.get(this.#waiting(other)?.key);
    if (waiting === null) return this.add(new Room(name, other));
    waiting.other = other;
    this.rename(waiting, name);
    return waiting;
  }

  /** The place that a post was written in. */
  of(post) {
    return this.get(post.room ?? this.#waiting(post.to)?.key) ?? this.talk(post.to ?? "");
  }

  rename(room, key) {
    if (room.key === key) return;
    this.#rooms.delete(room.key);
    if (this.current === room.key) this.current = key;
    room.key = key;
    this.add(room);
  }

  #waiting(other) {
    const key = fold(provisional(other ?? ""));
    return [...this].find((room) => room.name === null && fold(room.key) === key);
  }
}
