/* Writing: the text field, its drafts and its limit.

A draft belongs to a place and is kept with it (keep.js), so a reload or a crash costs nothing
that was typed but the last moment. */

import { at, setText } from "./dom.js";
import { codePoints, sendable } from "./text.js";
import { say } from "./words.js";

/** Code points from the limit at which the rest is counted. */
const NEAR = 200;

/** Milliseconds between typing notices: what the server passes on at most (the protocol). */
const NOTICE = 3000;

/** Milliseconds after the last key at which drafts are kept. */
const PAUSE = 300;

/** Whether the style sheet alone makes the field as high as its text. */
const FITS = CSS.supports("field-sizing", "content");

export class Composer {
  #text = at("text");
  #chat;
  #acts;
  #slot;
  #drafts;
  #room = null;
  #key = null;
  #noticeAt = 0;
  #timer = 0;

  /** `acts`: {post(room, text), typing(room)} */
  constructor(chat, slot, acts) {
    this.#chat = chat;
    this.#slot = slot;
    this.#acts = acts;
    this.#drafts = slot.drafts;
    at("compose").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#text.addEventListener("keydown", (event) => this.#pressed(event));
    this.#text.addEventListener("input", () => this.#typed());
    addEventListener("pagehide", () => this.#keep());
    addEventListener("resize", () => this.#fit());
    this.#fit();
  }

  /** The present place may be another, or have another key. True if it is another. */
  draw() {
    const room = this.#chat.room;
    const other = room !== this.#room;
    const key = room?.key ?? null;
    if (other) {
      this.#text.value = this.#drafts.get(key) ?? "";
      this.#fit();
    } else if (key !== this.#key) {
      this.#draft(this.#key, "");
      this.#draft(key, this.#text.value);
    }
    this.#room = room;
    this.#key = key;
    this.#text.disabled = key === null;
    return other;
  }

  focus() {
    this.#text.focus();
  }

  #pressed(event) {
    const send = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    if (!send || event.altKey) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    const room = this.#chat.room;
    if (room === null) return;
    const text = sendable(this.#text.value);
    if (this.#chat.wrong(text) !== null || !this.#acts.post(room, text)) return;
    this.#text.value = "";
    this.#draft(room.key, "");
    this.#keep();
    this.#noticeAt = 0;
    this.#fit();
  }

  #typed() {
    this.#fit();
    this.#draft(this.#key, this.#text.value);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#keep(), PAUSE);
    const now = Date.now();
    if (this.#text.value.trim() !== "" && now - this.#noticeAt >= NOTICE) {
      this.#noticeAt = now;
      this.#acts.typing(this.#chat.room);
    }
  }

  #draft(key, text) {
    if (text === "") this.#drafts.delete(key);
    else this.#drafts.set(key, text);
  }

  #keep() {
    clearTimeout(this.#timer);
    this.#slot.drafts = this.#drafts;
  }

  /** As high as its text, within reason (the style sheet's), and say how much room is left. */
  #fit() {
    if (!FITS) {
      this.#text.style.height = "auto";
      this.#text.style.height = `${this.#text.scrollHeight}px`;
    }
    const left = this.#chat.maxText - codePoints(sendable(this.#text.value));
    const words = left < 0 ? say("too_long", { count: -left }) : say("left_over", { count: left });
    setText(at("limit"), left > NEAR ? "" : words);
    at("limit").classList.toggle("over", left < 0);
    at("send").disabled = left < 0 || this.#text.value.trim() === "";
  }
}
