/* The log as it is seen: rows of the present place, and where they are scrolled to.

Rules of this file
    1. Rows are made anew from the room in each frame that needs it, keyed; nodes stay for as long
       as their row. So one's own message is the same node from "sending" to "sent".
    2. Who reads old messages is not moved: the row at the top of the view stays where it is,
       whatever comes or goes around it. Who is at the end stays there.
    3. A screen reader is told of new messages only: the region is silent while a place is
       opened or a page of the past comes. */

import { at, arrange, setText } from "./dom.js";
import { rowsOf } from "./rows.js";
import { amend, build } from "./view_row.js";
import { say } from "./words.js";

/** Pixels from the end that still count as there. */
const NEAR_END = 40;

/** Screens from an end of what is loaded at which more is asked for. */
const AHEAD = 1.5;

/** New messages in one frame up to which each of them is read out. */
const SPOKEN = 5;

export class LogView {
  #log = at("log");
  #list = at("rows");
  #nodes = new Map(); // key: node
  #room = null;
  #chat;
  #acts;
  #placed = false;
  #calm = 0;
  #top = 0;
  #size = ""; // with another one, it was not the reader who scrolled

  /** `acts`: {retry(id), discard(id), talk(name)} */
  constructor(chat, acts) {
    this.#chat = chat;
    this.#acts = acts;
    this.#log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#settle()).observe(this.#log);
    at("newest").addEventListener("click", () => this.toEnd());
  }

  draw() {
    const room = this.#chat.room;
    if (room !== this.#room) this.#change(room);
    const rows = room === null ? [] : rowsOf(room, this.#chat, Date.now());
    const anchor = this.#anchor();
    this.#speak(rows);
    this.#arrange(rows);
    this.#place(room, anchor);
    this.#drawButton(room);
    this.#ask();
  }

  /** To the newest message. */
  toEnd() {
    this.#chat.toEnd();
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  /** Up or down by most of what is seen: -1 or 1. */
  page(direction) {
    this.#log.scrollBy({ top: direction * this.#log.clientHeight * 0.85 });
  }

  #change(room) {
    this.#room = room;
    this.#nodes.clear();
    this.#list.replaceChildren();
    this.#placed = false;
  }

  #arrange(rows) {
    const nodes = new Map();
    for (const row of rows) {
      const node = this.#nodes.get(row.key) ?? build(row, this.#acts);
      amend(node, row, this.#acts);
      nodes.set(row.key, node);
    }
    this.#nodes = nodes;
    arrange(this.#list, [...nodes.values()]);
  }

  /** Read out what is new at the end; all else comes silently. */
  #speak(rows) {
    let fresh = 0;
    while (fresh < rows.length && !this.#nodes.has(rows.at(-1 - fresh).key)) fresh += 1;
    const silent = !this.#placed || fresh === 0 || fresh > SPOKEN;
    if (silent) {
      this.#log.ariaLive = "off";
      clearTimeout(this.#calm);
      this.#calm = setTimeout(() => (this.#log.ariaLive = "polite"), 500);
    } else if (this.#log.ariaLive === "off") {
      clearTimeout(this.#calm);
      this.#log.ariaLive = "polite";
    }
  }

  /** The first row that is seen, and where. */
  #anchor() {
    const edge = this.#log.scrollTop;
    const rows = this.#list.children;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bottom(rows[middle]) <= edge) low = middle + 1;
      else high = middle;
    }
    for (let place = low; place < rows.length; place += 1) {
      if (rows[place].dataset.seq) return { node: rows[place], top: rows[place].offsetTop - edge };
    }
    return null;
  }

  #place(room, anchor) {
    if (room === null) return;
    if (!this.#placed) {
      this.#placed = room.window.loaded || room.name === null;
      const line = this.#nodes.get("new");
      if (line) this.#log.scrollTop = line.offsetTop - this.#log.clientHeight / 3;
      else this.#log.scrollTop = this.#log.scrollHeight;
      if (line) room.following = this.#isAtEnd();
    } else if (room.following) {
      this.#log.scrollTop = this.#log.scrollHeight;
    } else if (anchor?.node.isConnected) {
      this.#log.scrollTop = anchor.node.offsetTop - anchor.top;
    }
    this.#see();
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    return scrollHeight - scrollTop - clientHeight <= NEAR_END;
  }

  #scrolled() {
    const room = this.#chat.room;
    if (room === null || room !== this.#room || !this.#placed) return;
    const size = `${this.#log.clientWidth}x${this.#log.clientHeight}`;
    const up = this.#log.scrollTop < this.#top && size === this.#size;
    this.#size = size;
    this.#top = this.#log.scrollTop;
    const following = this.#isAtEnd() && room.window.atEnd;
    if (following || up) room.following = following;
    this.#see();
    this.#drawButton(room);
    this.#ask();
  }

  /** The view has another height: the keyboard of a phone, a longer text. */
  #settle() {
    if (this.#room?.following && this.#placed) this.#log.scrollTop = this.#log.scrollHeight;
  }

  #see() {
    if (this.#room?.following && this.#chat.watched && this.#placed) this.#chat.seen();
  }

  #drawButton(room) {
    const away = room !== null && room.window.loaded && !room.following;
    at("newest").hidden = !away;
    if (away) {
      const text = room.unread > 0 ? say("newer", { count: room.unread }) : say("newest");
      setText(at("newest-text"), text);
    }
  }

  #ask() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    if (!this.#placed) return;
    if (scrollTop < AHEAD * clientHeight) this.#chat.more("older");
    if (scrollHeight - scrollTop - clientHeight < AHEAD * clientHeight) this.#chat.more("newer");
  }
}

const bottom = (node) => node.offsetTop + node.offsetHeight;
