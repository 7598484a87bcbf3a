/* Go to…: one field for rooms and people, whether one is there already or not. */

import { at, make, tint } from "./dom.js";
import { harmless } from "./harmless.js";
import { titleOf } from "./view_places.js";
import { say } from "./words.js";

/** Lines that are shown at most; the rest is found by typing. */
const SHOWN = 12;

const ROOM = /^[^\s,@\p{Cc}][^\s,\p{Cc}]{0,63}$/u;
const NAME = /^[\p{L}\p{N}_.-]{1,32}$/u;

export class Switcher {
  #dialog = at("switcher");
  #text = at("switcher-text");
  #list = at("switcher-list");
  #chat;
  #askDirectory;
  #choices = [];
  #chosen = 0;

  constructor(chat, askDirectory) {
    this.#chat = chat;
    this.#askDirectory = askDirectory;
    this.#text.placeholder = say("go_hint");
    this.#text.setAttribute("aria-label", say("go"));
    this.#text.addEventListener("input", () => {
      this.#chosen = 0;
      this.draw();
    });
    this.#text.addEventListener("keydown", (event) => this.#pressed(event));
    this.#dialog.addEventListener("click", (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
  }

  get isOpen() {
    return this.#dialog.open;
  }

  open() {
    if (this.isOpen) return;
    this.#text.value = "";
    this.#chosen = 0;
    this.#askDirectory();
    this.#dialog.showModal();
    this.draw();
  }

  draw() {
    if (!this.isOpen) return;
    this.#choices = this.#find(this.#text.value.trim());
    this.#chosen = Math.min(this.#chosen, Math.max(0, this.#choices.length - 1));
    const rows = this.#choices.map((choice, place) => this.#row(choice, place));
    if (rows.length === 0) rows.push(make("li.quiet", {}, say("go_none")));
    this.#list.replaceChildren(...rows);
    this.#text.setAttribute("aria-activedescendant", this.#choices.length ? `go-${this.#chosen}` : "");
    this.#list.children[this.#chosen]?.scrollIntoView({ block: "nearest" });
  }

  #find(typed) {
    const bare = typed.replace(/^[#@]/, "");
    const key = bare.toLowerCase();
    const fits = (name) => name.toLowerCase().includes(key);
    const chat = this.#chat;
    const { rooms, talks } = chat.places.sorted();
    const here = [...rooms, ...talks].filter((room) => fits(room.talk ? room.other : room.key));
    here.sort((a, b) => b.unread - a.unread);
    const found = here.map((room) => ({ text: titleOf(room), room, go: () => chat.open(room.key) }));
    for (const { room, count, topic } of chat.directory) {
      if (!fits(room) || chat.places.room(room)) continue;
      const hint = [say("go_here", { count }), harmless(topic ?? "")].filter(Boolean).join(" · ");
      found.push({ text: `#${harmless(room)}`, hint, go: () => chat.join(room) });
    }
    if (bare === "") return found.slice(0, SHOWN);
    const rest = [];
    const known = chat.places.room(bare) ?? chat.directory.find((row) => row.room.toLowerCase() === key);
    if (ROOM.test(bare) && !known && !typed.startsWith("@")) {
      rest.push({ text: say("go_join", { room: harmless(bare) }), go: () => chat.join(bare) });
    }
    for (const name of this.#people(bare, typed)) {
      rest.push({ text: say("go_talk", { name: harmless(name) }), name, go: () => chat.talk(name) });
    }
    return [...found.slice(0, SHOWN), ...rest];
  }

  /** People of the present room that fit, and whoever has exactly this name. */
  #people(bare, typed) {
    if (typed.startsWith("#")) return [];
    const chat = this.#chat;
    const key = bare.toLowerCase();
    const seen = (chat.room?.roster.list() ?? []).map(({ name }) => name);
    const found = seen.filter((name) => name.toLowerCase().startsWith(key)).slice(0, 5);
    const exact = found.some((name) => name.toLowerCase() === key);
    if (!exact && NAME.test(bare)) found.push(bare);
    return found.filter((name) => name.toLowerCase() !== chat.me.toLowerCase() && !chat.places.talk(name));
  }

  #row(choice, place) {
    const { room, name } = choice;
    const person = room?.talk ? room.other : name;
    const letter = [...harmless(person ?? "#")][0] ?? "?";
    const sign = person
      ? make(`span.face.small.${tint(person)}`, { "aria-hidden": "true" }, letter.toUpperCase())
      : make("span.sign", { "aria-hidden": "true" }, "#");
    const badge = room && room.unread > 0 ? make("span.badge", {}, String(room.unread)) : null;
    const text = person && room ? choice.text : choice.text.replace(/^#/, "");
    return make(
      "li.choice",
      { role: "option", id: `go-${place}`, "aria-selected": String(place === this.#chosen),
        onclick: () => this.#go(choice) },
      sign, make("bdi.name", {}, text), make("span.hint", {}, choice.hint ?? ""), badge,
    );
  }

  #pressed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const count = this.#choices.length;
    if (step !== undefined && count > 0) {
      event.preventDefault();
      this.#chosen = (this.#chosen + step + count) % count;
      this.draw();
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      const choice = this.#choices[this.#chosen];
      if (choice !== undefined) this.#go(choice);
    }
  }

  #go(choice) {
    this.#dialog.close();
    choice.go();
  }
}
