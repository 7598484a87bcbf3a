/* Keeping: what of this page survives a reload or a crash, in the browser's local storage.

Rules of this file
    1. A slot is one identity with all that is its own: name and token, its places and how far
       they are read, its unsent posts, its drafts. One page uses it at a time (claim.js).
    2. A post is kept before it is sent, and until it is answered. Its id is kept with it, so it
       is stored once, however often it is sent.
    3. Storage may be missing or full. Then everything works but what is said above; `broken`
       tells.
    4. Keys begin with the page's own path: one origin may have several netchats. */

const HOME = `netchat:${new URL(".", globalThis.location ?? "http://x/").pathname}:`;

/** A token's life after its last use, in milliseconds (the protocol); a slot's, too. */
const LIFE = 30 * 24 * 3600 * 1000;

export let broken = false;

function read(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(HOME + key)) ?? fallback;
  } catch {
    return fallback;
  }
}

function write(key, value) {
  try {
    if (value === null) localStorage.removeItem(HOME + key);
    else localStorage.setItem(HOME + key, JSON.stringify(value));
  } catch {
    broken = true;
  }
}

/** Settings of this browser for all slots: "theme", "alerts". */
export const setting = (name) => read(name, null);
export const set = (name, value) => write(name, value);

/** Ids of all slots: those with unsent posts first, then those used last. */
export function slots() {
  const found = [];
  try {
    for (const key of Object.keys(localStorage)) {
      const id = key.startsWith(HOME) && /^slot:(\w+):who$/.exec(key.slice(HOME.length))?.[1];
      if (id) found.push(new Slot(id));
    }
  } catch {
    broken = true;
  }
  const rank = (slot) => (slot.who?.at ?? 0) + (slot.posts.length > 0 ? LIFE : 0);
  return found.sort((a, b) => rank(b) - rank(a)).map((slot) => slot.id);
}

export class Slot {
  /** Whether nothing is to be written any more, as it is another page's now. */
  shut = false;

  constructor(id) {
    this.id = id;
  }

  /** {name, token, at}, null for one that has not been used. */
  get who() {
    return this.#read("who", null);
  }

  set who({ name, token }) {
    this.#write("who", { name, token, at: Date.now() });
  }

  /** Whether nobody can come back by it. */
  get dead() {
    return this.posts.length === 0 && Date.now() - (this.who?.at ?? 0) > LIFE;
  }

  /** {current, rooms: [{key, other, read, epoch}]} */
  get places() {
    return this.#read("places", { current: null, rooms: [] });
  }

  set places(places) {
    this.#write("places", places);
  }

  /** Posts as they go over the wire, with `at`, when they were written. */
  get posts() {
    return this.#read("posts", []);
  }

  set posts(posts) {
    this.#write("posts", posts.length > 0 ? posts : null);
  }

  /** Texts that are being written, by place: a Map. */
  get drafts() {
    return new Map(this.#read("drafts", []));
  }

  set drafts(drafts) {
    this.#write("drafts", drafts.size > 0 ? [...drafts] : null);
  }

  /** Nothing of it is needed any more, nor will be. */
  erase() {
    for (const part of ["who", "places", "posts", "drafts"]) this.#write(part, null);
    this.shut = true;
  }

  #read(part, fallback) {
    return read(`slot:${this.id}:${part}`, fallback);
  }

  #write(part, value) {
    if (!this.shut) write(`slot:${this.id}:${part}`, value);
  }
}
