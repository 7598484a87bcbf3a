/* Calling the reader: the number in the page's title, and, once it was asked for by a click, the
desktop's own notices of mentions and private messages. */

import { at } from "./dom.js";
import { harmless } from "./harmless.js";
import { set, setting } from "./keep.js";
import { titleOf } from "./view_places.js";
import { say } from "./words.js";

/** Characters of a message in a notice: what desktops show. */
const EXCERPT = 160;

export class Alerts {
  #button = at("alerts");
  #on = setting("alerts") === true;
  #open;
  #tell;

  /** `open(room)`: the reader comes. `tell(text)`: say something in passing. */
  constructor(open, tell) {
    this.#open = open;
    this.#tell = tell;
    this.#button.hidden = !("Notification" in globalThis);
    this.#button.addEventListener("click", () => this.#toggle());
    this.#draw();
  }

  /** Someone has written to the reader, who looks elsewhere. */
  call({ room, message }) {
    if (!this.#active) return;
    const title = room.talk ? harmless(message.from) : `${harmless(message.from)} · ${titleOf(room)}`;
    const body = harmless(message.text.slice(0, EXCERPT).replace(/\s+/g, " "));
    try {
      const notice = new Notification(title, { body, tag: room.key, icon: "icon.svg" });
      notice.onclick = () => {
        focus();
        notice.close();
        this.#open(room);
      };
    } catch {
      // A phone has them for installed pages only.
    }
  }

  get #active() {
    return this.#on && globalThis.Notification?.permission === "granted";
  }

  async #toggle() {
    if (this.#active) {
      this.#on = false;
    } else {
      this.#on = (await Notification.requestPermission()) === "granted";
      if (!this.#on) this.#tell(say("alerts_denied"));
    }
    set("alerts", this.#on);
    this.#draw();
  }

  #draw() {
    this.#button.setAttribute("aria-pressed", String(this.#active === true));
    const words = say(this.#active ? "alerts_off" : "alerts_on");
    this.#button.title = words;
    this.#button.setAttribute("aria-label", words);
  }
}

/** The title counts what calls for the reader; a dot stands for all else. */
export function drawTitle(chat) {
  let calls = 0;
  let news = false;
  for (const room of chat.places) {
    if (room.talk) calls += room.unread;
    else if (room.mentioned) calls += 1;
    news ||= room.unread > 0;
  }
  const place = chat.room === null ? "" : `${titleOf(chat.room)} · `;
  const mark = calls > 0 ? `(${calls}) ` : news ? "• " : "";
  document.title = `${mark}${place}netchat`;
}
