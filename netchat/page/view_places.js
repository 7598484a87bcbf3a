/* The rooms and talks at the side, the head of the present one, and who is in it. */

import { arrange, at, make, setText, tint } from "./dom.js";
import { harmless } from "./harmless.js";
import { say } from "./words.js";

/** What a place is called. */
export const titleOf = (room) => (room.talk ? harmless(room.other) : `#${harmless(room.key)}`);

export class PlacesView {
  #chat;
  #nodes = new Map();
  #heads = {};

  constructor(chat) {
    this.#chat = chat;
    for (const name of ["rooms", "talks"]) {
      this.#heads[name] = make("h2", { id: `head-${name}` }, say(name));
      this.#heads[`${name}-list`] = make("ul", { "aria-labelledby": `head-${name}` });
    }
  }

  draw() {
    const { rooms, talks } = this.#chat.places.sorted();
    const nodes = new Map();
    const item = (room) => {
      const node = this.#nodes.get(room) ?? this.#build(room);
      nodes.set(room, node);
      this.#amend(node, room);
      return node;
    };
    arrange(this.#heads["rooms-list"], rooms.map(item));
    arrange(this.#heads["talks-list"], talks.map(item));
    this.#nodes = nodes;
    const { rooms: head, talks: talkHead } = this.#heads;
    const shown = [head, this.#heads["rooms-list"]];
    if (talks.length > 0) shown.push(talkHead, this.#heads["talks-list"]);
    arrange(at("places"), shown);
    this.#drawMenu([...rooms, ...talks]);
  }

  /** Keep the present one in sight: somebody goes through them by key. */
  reveal() {
    this.#nodes.get(this.#chat.room)?.scrollIntoView({ block: "nearest" });
  }

  #build(room) {
    const sign = room.talk ? make("span.sign.face", { "aria-hidden": "true" }) : make("span.sign", {}, "#");
    const open = () => this.#chat.open(room.key);
    const button = make("button.place", { type: "button", onclick: open }, sign, make("bdi.name"),
      make("span.badge"));
    return make("li", {}, button);
  }

  #amend(node, room) {
    const button = node.firstChild;
    const [sign, name, badge] = button.children;
    const present = room === this.#chat.room;
    if (present) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
    setText(name, harmless(room.talk ? room.other : room.key));
    if (room.talk) {
      setText(sign, [...harmless(room.other)][0]?.toUpperCase() ?? "");
      sign.className = `sign face ${tint(room.other)}`;
    }
    const unread = room.unread;
    button.classList.toggle("unread", unread > 0);
    button.classList.toggle("called", unread > 0 && (room.mentioned || room.talk));
    button.classList.toggle("refused", room.refused !== null);
    badge.hidden = unread === 0;
    setText(badge, unread > 99 ? "99+" : String(unread || ""));
    const facts = [titleOf(room)];
    if (unread > 0) facts.push(say("unread", { count: unread }));
    if (unread > 0 && room.mentioned && !room.talk) facts.push(say("mentioned"));
    button.setAttribute("aria-label", facts.join(", "));
  }

  /** On a phone the list is out of sight: the button says that there is something. */
  #drawMenu(all) {
    const others = all.filter((room) => room !== this.#chat.room && room.unread > 0);
    const called = others.filter((room) => room.mentioned || room.talk);
    const badge = at("menu-badge");
    badge.hidden = others.length === 0;
    badge.classList.toggle("called", called.length > 0);
    setText(badge, "");
  }
}

export function drawHead(chat) {
  const room = chat.room;
  const title = room === null ? "netchat" : titleOf(room);
  setText(at("title"), title);
  const topic = room === null ? "" : harmless(room.topic);
  setText(at("topic"), topic);
  at("topic").title = topic;
  at("leave").hidden = room === null;
  at("people-toggle").hidden = room === null || room.talk;
  setText(at("people-count"), room === null || room.talk ? "" : String(room.roster.count || ""));
  at("log").setAttribute("aria-label", say("messages", { room: title }));
  const words = { room: room === null ? "" : harmless(room.key), name: room?.talk ? title : "" };
  const write = say(room === null ? "write_none" : room.talk ? "write_talk" : "write_room", words);
  at("text").placeholder = write;
  at("text").setAttribute("aria-label", write);
  setText(at("skip"), write);
}

/** Who is in the present room. A person's node stays, as somebody may have the focus on it. */
export class PeopleView {
  #chat;
  #nodes = new Map(); // name: node
  #count = make("p.quiet");
  #list = make("ul");
  #more = make("button.link", { type: "button" }, say("more_people"));

  constructor(chat) {
    this.#chat = chat;
    this.#more.onclick = () => chat.askPeople(chat.room.roster.lastAsked);
    at("people-list").append(this.#count, this.#list, this.#more);
  }

  draw() {
    const room = this.#chat.room;
    const alone = room === null || room.talk;
    document.body.classList.toggle("alone", alone);
    const people = alone ? [] : room.roster.list();
    const nodes = new Map();
    for (const { name, away } of people) nodes.set(name, this.#amend(name, away));
    this.#nodes = nodes;
    arrange(this.#list, [...nodes.values()]);
    const count = alone ? 0 : room.roster.count;
    setText(this.#count, say("people_count", { count }));
    this.#more.hidden = alone || room.roster.whole || people.length === 0 || people.length >= count;
  }

  #amend(name, away) {
    const own = name === this.#chat.me;
    const known = this.#nodes.get(name);
    const node = known?.classList.contains("self-row") === own ? known : this.#build(name, own);
    node.classList.toggle("away", away);
    setText(node.querySelector(".hint"), own ? say("you") : away ? say("away") : "");
    return node;
  }

  #build(name, own) {
    const shown = harmless(name);
    const letter = [...shown][0]?.toUpperCase() ?? "?";
    const parts = [
      make(`span.face.small.${tint(name)}`, { "aria-hidden": "true" }, letter),
      make("bdi.name", {}, shown),
      make("span.hint"),
    ];
    if (own) return make("li.person.self-row", {}, ...parts);
    const title = say("write_to", { name: shown });
    const onclick = () => this.#chat.talk(name);
    return make("li.person", {}, make("button.place", { type: "button", title, onclick }, ...parts));
  }
}
