/* The two sides on a small screen: drawers that come over the chat, one at a time. On a large
screen the rooms always stand there, and the people unless they were sent away. */

import { at } from "./dom.js";
import { set, setting } from "./keep.js";

const narrow = matchMedia("(max-width: 759px)");
const middle = matchMedia("(max-width: 1099px)");

let open = null; // "side", "people" or null
let people = setting("people") !== false;

export function startDrawers() {
  at("menu").addEventListener("click", () => show("side"));
  at("side-close").addEventListener("click", closeDrawer);
  at("people-close").addEventListener("click", togglePeople);
  at("people-toggle").addEventListener("click", togglePeople);
  at("scrim").addEventListener("click", closeDrawer);
  narrow.addEventListener("change", closeDrawer);
  middle.addEventListener("change", closeDrawer);
  apply();
}

/** True if there was one to be closed. */
export function closeDrawer() {
  const was = open;
  open = null;
  apply();
  if (was !== null) at(was === "side" ? "menu" : "people-toggle").focus();
  return was !== null;
}

function show(name) {
  open = name;
  apply();
  const place = document.querySelector("#places [aria-current]") ?? at("go");
  (name === "side" ? place : at("people-close")).focus();
}

function togglePeople() {
  if (middle.matches) {
    if (open === "people") closeDrawer();
    else show("people");
    return;
  }
  people = !people;
  set("people", people);
  apply();
}

function apply() {
  const side = !narrow.matches || open === "side";
  const folk = middle.matches ? open === "people" : people;
  document.body.dataset.open = open ?? "";
  document.body.classList.toggle("no-people", !folk);
  at("side").inert = !side;
  at("people").inert = !folk;
  at("main").inert = open !== null;
  at("menu").setAttribute("aria-expanded", String(open === "side"));
  at("people-toggle").setAttribute("aria-expanded", String(folk));
}
