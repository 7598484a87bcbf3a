/* The outbox: everything that was asked of the server and has not been answered. Pure.

Rules of this file
    1. One order. Posts and other requests leave in the order in which they were made, and after
       a reconnect in that same order again: so join, post, leave mean what they meant.
    2. A request is let go of when it is answered, never when it is sent.
    3. At most WINDOW requests are in flight. The rest waits here, where it is cheap.
    4. What the server refuses for now goes back to its own place, and nothing leaves until the
       time that the server asked for has passed.
    5. A resent post keeps its id, by which the server stores it once: over reconnects, and
       over reloads too (`restore`).

What a reconnect needs first (the rooms to be joined again) stands in front of the rest, and is
dropped when the connection is: the next one makes its own. */

/** Requests in flight: enough for a full batch of the log, a quarter of what a server holds. */
const WINDOW = 64;

/** Requests held: more than a person writes, and what a browser's storage takes easily. */
export const MAX_WAITING = 500;

export class Outbox {
  /** When something may leave again, in seconds; null: now. */
  heldUntil = null;
  #prefix;
  #count = 0;
  #entries = new Map(); // in order of asking
  #first = []; // keys that stand in front of all others
  #flying = 0;

  /** `prefix` makes its ids unlike those of other starts. */
  constructor(prefix) {
    this.#prefix = prefix;
  }

  /** An id that no other post has. */
  id() {
    this.#count += 1;
    return `${this.#prefix}-${this.#count}`;
  }

  /** Queue a request behind all others; returns its key: the id of a post, or the ref. */
  add(request) {
    if (this.full) throw new RangeError("too many requests are waiting");
    return this.#insert(request);
  }

  get full() {
    return this.#entries.size >= MAX_WAITING;
  }

  /** Queue a post of before a reload, under its old id. Whether it was sent is not known. */
  restore(post) {
    this.#entries.set(post.id, { request: post, flying: false, sent: true });
  }

  /** A connection is there: queue these in front of all others; returns their keys. */
  restart(requests) {
    this.#first = requests.map((request) => this.#insert(request));
    return this.#first;
  }

  /** The next request to be sent, which counts as in flight from here on; null if none may. */
  next() {
    if (this.#flying >= WINDOW || this.heldUntil !== null) return null;
    const entry = this.#waiting();
    if (entry === null) return null;
    entry.flying = entry.sent = true;
    this.#flying += 1;
    return entry.request;
  }

  /** An answer has come: the request that it is for, null where there is none. */
  answered(key) {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#entries.delete(key);
    this.#flying -= entry.flying;
    return entry.request;
  }

  /** The server refused it for now. False where there is no such request in flight. */
  putBack(key, until) {
    const entry = this.#entries.get(key);
    if (!entry?.flying) return false;
    entry.flying = entry.sent = false;
    this.#flying -= 1;
    this.heldUntil = Math.max(until, this.heldUntil ?? until);
    return true;
  }

  /** Let requests leave again, if it is time. */
  release(now) {
    if (this.heldUntil !== null && now >= this.heldUntil) this.heldUntil = null;
  }

  /** The connection is gone: what was in flight will have to be sent again. */
  lost() {
    for (const key of this.#first) this.#entries.delete(key);
    for (const entry of this.#entries.values()) entry.flying = false;
    this.#first = [];
    this.#flying = 0;
    this.heldUntil = null;
  }

  /** The posts that have not been accepted, in order. */
  posts() {
    const requests = Array.from(this.#entries.values(), (entry) => entry.request);
    return requests.filter((request) => request.type === "post");
  }

  /** Take out the posts that a lost connection may or may not have delivered. */
  takeDoubtful() {
    const doubtful = this.posts().filter((post) => this.#entries.get(post.id).sent);
    for (const post of doubtful) this.#entries.delete(post.id);
    return doubtful;
  }

  #waiting() {
    for (const key of this.#first) {
      const entry = this.#entries.get(key);
      if (entry !== undefined && !entry.flying) return entry;
    }
    for (const entry of this.#entries.values()) if (!entry.flying) return entry;
    return null;
  }

  #insert(request) {
    const key = request.id ?? this.id();
    if (request.type === "post") request.id = key;
    else request.ref = key;
    this.#entries.set(key, { request, flying: false, sent: false });
    return key;
  }
}
