/* The entry, the list of keys, passwords, and questions to be sure. */

import { at, make, setText } from "./dom.js";
import { say, sayError, words } from "./words.js";

/** The form in which one says who one is. `onEnter` gets the name and the password, or null. */
export class Entry {
  #onEnter;

  constructor(onEnter) {
    this.#onEnter = onEnter;
    at("entry-more").addEventListener("click", () => {
      this.#askPassword();
      at(at("entry-name").value === "" ? "entry-name" : "entry-password").focus();
    });
    at("entry-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const name = at("entry-name").value.trim();
      if (name === "") return;
      setText(at("entry-error"), "");
      setText(at("entry-status"), say("connecting"));
      this.#onEnter(name, at("entry-password").value || null);
    });
  }

  show(name) {
    at("entry").hidden = false;
    at("app").hidden = true;
    at("entry-name").value = name;
    at("entry-name").focus();
  }

  hide() {
    at("entry").hidden = true;
    at("app").hidden = false;
    at("entry-password").value = "";
    setText(at("entry-status"), "");
  }

  get isShown() {
    return !at("entry").hidden;
  }

  refused({ name, code, message }, hadPlaces) {
    const again = hadPlaces && code === "name_taken";
    this.show(name);
    if (code === "bad_credentials") this.#askPassword();
    setText(at("entry-error"), again ? say("taken_again") : sayError(code, message));
    setText(at("entry-status"), "");
    at("entry-name").select();
  }

  #askPassword() {
    at("entry-secret").hidden = false;
    at("entry-more").hidden = true;
  }

  /** What there is to say while one waits. */
  tell(text) {
    setText(at("entry-status"), text);
  }
}

export function showHelp() {
  const list = at("help-keys");
  if (list.childElementCount === 0) {
    for (const [keys, what] of words.keys) {
      list.append(make("dt", {}, make("kbd", {}, keys)), make("dd", {}, what));
    }
  }
  if (!at("help").open) at("help").showModal();
}

/** Ask for a new password, and for the old one of an account: {password, old}, or null. */
export function askPassword(account) {
  const dialog = at("secret");
  const [old, first, second] = ["secret-old", "secret-new", "secret-again"].map(at);
  const forget = () => [old, first, second].forEach((field) => (field.value = ""));
  at("secret-former").hidden = !account;
  old.required = account;
  const compare = () => second.setCustomValidity(first.value === second.value ? "" : say("not_alike"));
  first.oninput = second.oninput = compare;
  forget();
  compare();
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    const done = () => {
      const given = { password: first.value, ...(account && { old: old.value }) };
      forget();
      resolve(dialog.returnValue === "yes" ? given : null);
    };
    dialog.addEventListener("close", done, { once: true });
  });
}

/** Without TLS, and from elsewhere, the network can read a password. */
export function warnOfExposure() {
  for (const node of document.querySelectorAll(".exposed")) node.hidden = isSecureContext;
}

/** Ask whether to do something; true if so. */
export function ask(question, yes) {
  const dialog = at("ask");
  setText(at("ask-text"), question);
  setText(at("ask-yes"), yes);
  dialog.returnValue = "no";
  dialog.showModal();
  at("ask-yes").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
