/* A room or a private talk, as this page knows it. Pure.

A talk whose first message has not been accepted has no room's name yet: its key is `>` and the
other's name. `read` is the newest seq that the reader has had before the eyes, `mark` the one
behind which the line stands that says "new". */

import { isTalk } from "./positions.js";
import { Roster } from "./roster.js";
import { Window } from "./window.js";

/** Seconds for which somebody counts as writing: twice what the server passes on at most. */
const TYPING = 6;

export const provisional = (name) => `>${name}`;

export class Room {
  topic = "";
  epoch = "";
  head = 0;
  read = null;
  mark = null;
  mentioned = false;
  joined = false;
  refused = null;
  /** Whether the reader sees the newest message as it comes. */
  following = true;
  window = new Window();
  roster = new Roster();
  /** The reader's own posts that are not in the log: id: {id, text, at, state, why}. */
  pending = new Map();
  #typing = new Map();

  constructor(key, other = null) {
    this.key = key;
    /** With whom, in a talk; null in a room. */
    this.other = other;
  }

  get talk() {
    return this.other !== null;
  }

  /** The name on the wire; null where there is none yet. */
  get name() {
    return this.talk && !isTalk(this.key) ? null : this.key;
  }

  get unread() {
    return this.read === null ? 0 : Math.max(0, this.head - this.read);
  }

  /** Where a post to it goes. */
  get address() {
    return this.name === null ? { to: this.other } : { room: this.name };
  }

  /** How far the log goes. Where the epoch is another one, what was read is no measure. */
  reaches(epoch, head) {
    if (this.read === null || (this.epoch !== "" && this.epoch !== epoch)) this.read = head;
    this.epoch = epoch;
    this.head = head;
  }

  /** Everything has been seen. */
  see() {
    const news = this.read !== this.head || this.mentioned;
    this.read = this.head;
    this.mentioned = false;
    return news;
  }

  /** The line "new" goes behind what has been read, unless it stands somewhere already. */
  draw() {
    if (this.mark === null && this.unread > 0) this.mark = this.read;
  }

  typed(name, now) {
    this.#typing.set(name, now + TYPING);
  }

  wrote(name) {
    this.#typing.delete(name);
  }

  /** Who is writing. */
  typing(now) {
    for (const [name, until] of this.#typing) if (until <= now) this.#typing.delete(name);
    return [...this.#typing.keys()];
  }
}
