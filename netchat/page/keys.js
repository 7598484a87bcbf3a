/* Keys: everything can be done without a pointer (index.html's order does most of it). */

import { at } from "./dom.js";
import { showHelp } from "./dialogs.js";
import { closeDrawer } from "./drawers.js";

/** `page`: {chat, log, composer, switcher, places}. */
export function startKeys(page) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || at("app").hidden) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const act = find(event);
    if (act === undefined) return;
    if (act(page, event) !== false) event.preventDefault();
  });
}

function find(event) {
  const command = (event.ctrlKey || event.metaKey) && !event.altKey;
  if (command) return { k: goTo, K: goTo, "/": showHelp }[event.key];
  if (event.altKey) return { ArrowUp: step(-1), ArrowDown: step(1) }[event.key];
  if (event.key in PLAIN) return PLAIN[event.key];
  return event.key.length === 1 && event.key !== " " ? write : undefined;
}

const PLAIN = {
  Escape: (page) => {
    if (closeDrawer()) return;
    if (page.chat.room !== null) page.chat.room.mark = null;
    page.log.toEnd();
    page.composer.focus();
  },
  PageUp: (page) => page.log.page(-1),
  PageDown: (page) => page.log.page(1),
};

function goTo(page) {
  page.switcher.open();
}

/** To the place above or below; with Shift, to the next one with something new. */
const step = (direction) => (page, event) => {
  const { rooms, talks } = page.chat.places.sorted();
  const all = [...rooms, ...talks];
  const from = all.indexOf(page.chat.room);
  for (let away = 1; away <= all.length; away += 1) {
    const room = all.at((from + direction * away) % all.length);
    if (event.shiftKey && room.unread === 0) continue;
    page.chat.open(room.key);
    page.places.reveal();
    return;
  }
};

/** Whoever types with the focus on nothing in particular wants to write. */
function write(page) {
  const focus = document.activeElement;
  if (focus === document.body || focus === at("log") || focus === at("title")) page.composer.focus();
  return false;
}
