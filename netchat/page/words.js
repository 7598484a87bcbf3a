/* The page's own words, in English and Spanish. Pure.

A sentence may have places in braces: say("newer", {count: 3}). Errors are said by their code;
one that has no words here is said in the server's. */

import { harmless } from "./harmless.js";
import { english } from "./words_en.js";
import { spanish } from "./words_es.js";

const language = globalThis.navigator?.language?.toLowerCase().startsWith("es") ? "es" : "en";
export const words = language === "es" ? spanish : english;

/** A sentence, with its places filled in. */
export function say(key, places = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, name) => String(places[name]));
}

/** Refusals whose reason only the server knows: by whom, why, until when. */
const REASONED = new Set(["forbidden", "kicked"]);

/** A refusal, as a sentence. */
export function sayError(code, message) {
  const reason = harmless(String(message ?? ""));
  if (!Object.hasOwn(words.errors, code)) return reason || words.errors.internal;
  return REASONED.has(code) && reason ? `${words.errors[code]} (${reason})` : words.errors[code];
}

/** Put the words where the document names them: data-say for the text of an element, data-label
 * for its label, which is also its tooltip. */
export function translate(root) {
  root.lang = language;
  for (const node of root.querySelectorAll("[data-say]")) {
    node.textContent = words[node.dataset.say];
  }
  for (const node of root.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", words[node.dataset.label]);
    if (node.matches("button")) node.title = words[node.dataset.label];
  }
}
