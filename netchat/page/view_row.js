/* One row of the log as an element. `build` makes it once, `amend` brings it up to date, by
classes and short texts only: a node that stays is not read out again. */

import { make, setText, tint } from "./dom.js";
import { harmless, harmlessLines } from "./harmless.js";
import { pieces } from "./text.js";
import { clockTime, exactTime, machineTime } from "./when.js";
import { say } from "./words.js";

export function build(row, acts) {
  return row.kind === "message" ? message(row, acts) : line(row);
}

export function amend(node, row, acts) {
  if (row.kind !== "message") return;
  node.classList.toggle("first", row.first);
  const state = row.state;
  if (node.dataset.state === state && node.dataset.seq === String(row.seq ?? "")) return;
  node.dataset.state = state;
  node.dataset.seq = row.seq ?? "";
  const { time, mark, trouble } = parts(node);
  setTime(time, row.time);
  setText(mark, row.own ? (MARKS[state]?.() ?? "") : "");
  mark.title = state === "sent" ? say("sent") : "";
  trouble.replaceChildren(...(state === "failed" ? failure(row, acts) : []));
}

const MARKS = {
  waiting: () => say("waiting"),
  sending: () => say("sending"),
  sent: () => "✓",
};

const parts = (node) => ({
  time: node.querySelector("time"),
  mark: node.querySelector(".mark"),
  trouble: node.querySelector(".trouble"),
});

function message(row, acts) {
  const name = harmless(row.from);
  const author = row.own
    ? make("bdi.author", {}, name)
    : make("button.author", { type: "button", onclick: () => acts.talk(row.from) }, make("bdi", {}, name));
  const face = make(`span.face.${tint(row.from)}`, { "aria-hidden": "true" }, initial(name));
  const head = make("div.head", {}, author, make("time"), make("span.mark"));
  const text = make("div.text", { dir: "auto" }, ...written(row));
  const node = make("li.message", {}, face, head, text, make("div.trouble"));
  node.classList.toggle("own", row.own);
  node.classList.toggle("called", row.called);
  setTime(parts(node).time, row.time);
  return node;
}

function written(row) {
  return pieces(harmlessLines(row.text), harmless(row.me)).map((piece) => {
    if (piece.href) {
      return make("a", { href: piece.href, target: "_blank", rel: "noopener noreferrer" }, piece.text);
    }
    return piece.me ? make("span.me", {}, piece.text) : piece.text;
  });
}

function failure(row, acts) {
  const button = (word, act) =>
    make("button.link", { type: "button", onclick: () => act(row.id) }, say(word));
  return [
    make("span", {}, say("failed", { why: row.why })),
    button("retry", acts.retry),
    button("discard", acts.discard),
  ];
}

function line(row) {
  if (row.kind === "new") return make("li.line.new", {}, make("span", {}, say("new")));
  const node = make(`li.line.${row.kind}`, {}, make("span", { dir: "auto" }, row.text));
  if (row.seq) node.dataset.seq = row.seq;
  return node;
}

function setTime(node, ms) {
  setText(node, clockTime(ms));
  node.dateTime = machineTime(ms);
  node.title = exactTime(ms);
}

const initial = (name) => [...name.replace(/^[^\p{L}\p{N}]+/u, "")][0]?.toUpperCase() ?? "?";
