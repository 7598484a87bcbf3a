/* The window: the part of a room's log that this page holds. Pure.

Rules of this file
    1. It is contiguous: nothing is missing between its first and its last item. A hole that the
       server has told of is an item itself, {gap: true}.
    2. It is bounded. Following the newest messages it lets go of the oldest; reading the old
       ones it lets go of the newest (`atEnd` is false then). Either comes back by asking.
    3. What arrives while a page is awaited is kept aside, as the page may have been read before.

An item is a message as it came, or {gap, start, seq, reason}, where `seq` is its last. */

/** Items held while following: some screens of any height, and well under 1,000 nodes. */
export const CAP = 500;

/** Messages asked for at once. */
export const PAGE = 80;

export class Window {
  items = [];
  /** Whether the newest item of the log is in it. */
  atEnd = false;
  /** Whether nothing older is held by the server. */
  atStart = false;
  /** Whether the log has begun anew since. */
  anew = false;
  /** The request for a page that is under way. */
  loading = null;
  #late = [];

  get first() {
    const item = this.items[0];
    return item && (item.gap ? item.start : item.seq);
  }

  get last() {
    return this.items.at(-1)?.seq;
  }

  get loaded() {
    return this.atEnd || this.items.length > 0;
  }

  /** The request for the newest page, for older or for newer ones; null where there is none to
   * be made. */
  want(room, direction) {
    if (this.loading !== null) return null;
    const request = { type: "history", room, limit: PAGE };
    if (direction === "older") {
      if (this.atStart || this.items.length === 0) return null;
      request.before = this.first;
    } else if (direction === "newer") {
      if (this.atEnd || this.items.length === 0) return null;
      request.after = this.last;
    } else if (this.loaded) {
      return null;
    }
    this.loading = request;
    return request;
  }

  /** A page has come. */
  page(event) {
    if (event.request !== this.loading) return;
    this.loading = null;
    if (event.request.before !== undefined) this.#older(event);
    else if (event.request.after !== undefined) this.#newer(event);
    else this.#newest(event);
  }

  /** The page was refused, or is of no use any more. */
  give() {
    this.loading = null;
    this.#late = [];
  }

  /** A message of the live feed, in order. `following`: the reader is at the end. */
  append(message, following) {
    if (!this.atEnd) {
      if (this.loading !== null) this.#late.push(message);
      return;
    }
    if (this.last !== undefined && message.seq !== this.last + 1) {
      if (message.seq > this.last) this.atEnd = false;
      return;
    }
    this.items.push(message);
    this.#bound(following);
  }

  /** Some seqs will never come, or they start again. */
  gap(event, following) {
    if (event.reason === "epoch_changed") {
      this.clear();
      this.anew = true;
      this.atEnd = this.atStart = true;
    } else if (this.atEnd) {
      const { from: start, to: seq, reason } = event;
      this.items.push({ gap: true, start, seq, reason });
      this.#bound(following);
    }
  }

  clear() {
    this.items = [];
    this.atEnd = this.atStart = this.anew = false;
    this.give();
  }

  #newest(event) {
    this.items = event.messages;
    this.atStart = event.complete;
    this.#reachEnd();
  }

  #older(event) {
    if (event.request.before !== this.first) return; // what it should stand before has gone
    this.items = [...event.messages, ...this.items];
    this.atStart = event.complete;
    if (this.items.length > CAP + PAGE) {
      this.items.length = CAP;
      this.atEnd = false;
    }
  }

  #newer(event) {
    this.items = [...this.items, ...event.messages];
    if (event.complete) this.#reachEnd();
    this.#late = [];
    this.#trim();
  }

  #reachEnd() {
    this.atEnd = true;
    const late = this.#late;
    this.#late = [];
    for (const message of late) {
      if (this.last === undefined || message.seq > this.last) this.append(message, true);
    }
  }

  #bound(following) {
    if (following) {
      if (this.items.length > CAP + PAGE) this.#trim();
    } else if (this.items.length >= CAP + PAGE) {
      this.atEnd = false;
    }
  }

  #trim() {
    if (this.items.length <= CAP) return;
    this.items = this.items.slice(-CAP);
    this.atStart = false;
  }
}
