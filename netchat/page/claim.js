/* Claiming: which slot (keep.js) is this page's, so that two never share an identity.

A page asks all others on a channel who has a slot, and takes it when nobody answers. A reload
asks for its own slot first (session storage remembers it); a new page takes what is free; and
where nothing is, it gets a slot of its own. A copy of a page has the same memory, and is told
no by the original.

Web Locks would do it too, but a page that came by plain HTTP has none. A page that the system
has put to sleep does not answer and loses its slot; the server then tells it `replaced`. Even
two pages in one slot would double nothing: they are one identity, with the same ids. */

import { Slot, slots } from "./keep.js";

/** Milliseconds for an answer. Pages of one browser need a few; each start waits for so long. */
const PATIENCE = 120;

const REMEMBERED = "netchat:slot";
const LEFT = "left";

const random = () => crypto.getRandomValues(new Uint32Array(2)).join("");
const me = random();
const channel = globalThis.BroadcastChannel ? new BroadcastChannel("netchat") : null;

let mine = null; // the slot's id
let trying = null;
let refused = null; // told no while trying

channel?.addEventListener("message", ({ data }) => {
  if (data?.ask !== undefined && data.from !== me) {
    // Of two that try at once, the one with the smaller number has it.
    if (data.ask === mine || (data.ask === trying && me < data.from)) {
      channel.postMessage({ taken: data.ask, to: data.from });
    }
  } else if (data?.taken !== undefined && data.taken === trying && data.to === me) {
    refused?.(false);
  }
});

/** The slot of this page, which no other page uses. */
export async function claim() {
  const own = remembered();
  if (own === LEFT) return take(new Slot(random()));
  for (const id of new Set([...(own ? [own] : []), ...slots()])) {
    if (!(await isFree(id))) continue;
    const slot = new Slot(id);
    if (id !== own && slot.dead) {
      slot.erase();
      continue;
    }
    return take(slot);
  }
  return take(new Slot(random()));
}

/** This page has left its identity for good; the next one gets a new slot. */
export function release() {
  mine = null;
  remember(LEFT);
}

function isFree(id) {
  if (channel === null) return Promise.resolve(true);
  trying = id;
  return new Promise((resolve) => {
    refused = resolve;
    channel.postMessage({ ask: id, from: me });
    setTimeout(() => resolve(true), PATIENCE);
  }).finally(() => (trying = refused = null));
}

function take(slot) {
  mine = slot.id;
  remember(slot.id);
  return slot;
}

function remembered() {
  try {
    return sessionStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}

function remember(id) {
  try {
    sessionStorage.setItem(REMEMBERED, id);
  } catch {
    // Then a reload takes whatever slot is free.
  }
}
