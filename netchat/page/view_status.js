/* The connection in words, who is writing, and what is told in passing. */

import { at, setText } from "./dom.js";
import { harmless } from "./harmless.js";
import { State } from "./machine.js";
import { say, sayError } from "./words.js";

/** Milliseconds for which something is told in passing: two lines are read in less. */
const PASSING = 6000;

/** Milliseconds that a first connection may take before it is worth a word. */
const PATIENT = 600;

export class StatusView {
  #link;
  #reason = null; // of being offline: {reason, code}
  #final = null; // after which nothing is tried any more
  #since = Date.now();
  #timer = 0;
  #toastTimer = 0;

  /** `onAct`: the reader wants a connection now. */
  constructor(link, onAct) {
    this.#link = link;
    at("status-act").addEventListener("click", onAct);
    addEventListener("online", () => this.draw());
    addEventListener("offline", () => this.draw());
  }

  take(news) {
    if (news.type === "offline") this.#reason = news;
    if (news.type === "closed") this.#final = news;
    if (news.type === "online") {
      if (news.back && !news.known) this.pass(say("back_new"));
      this.#reason = this.#final = null;
    }
    if (news.type === "caught_up") this.pass(say(news.whole ? "back_whole" : "back_gaps"));
    if (news.type === "delayed") {
      this.pass(say("delayed", { why: sayError(news.code, news.message) }));
    }
  }

  draw() {
    clearTimeout(this.#timer);
    const { text, act } = this.#words();
    const state = this.#link.machine.state;
    at("status").hidden = text === "";
    setText(at("status-text"), text);
    setText(at("status-act"), act);
    at("status-act").hidden = act === "";
    at("dot").className = `dot ${state === State.ONLINE ? "on" : "off"}`;
    at("dot").title = state === State.ONLINE ? say("connected") : text;
    if (state !== State.ONLINE && state !== State.CLOSED) {
      this.#timer = setTimeout(() => this.draw(), 1000 - (Date.now() % 1000));
    }
  }

  #words() {
    const state = this.#link.machine.state;
    if (state === State.ONLINE || state === State.LEAVING) return { text: "", act: "" };
    if (state === State.CLOSED) {
      const { code, message } = this.#final ?? {};
      const text = code === "replaced" ? say("replaced") : code ? sayError(code, message) : say("ended");
      return { text, act: say("come_back") };
    }
    if (this.#reason === null) {
      const text = Date.now() - this.#since > PATIENT ? say("connecting") : "";
      return { text, act: "" };
    }
    if (!navigator.onLine) return { text: say("offline"), act: say("try_now") };
    const seconds = Math.ceil(this.#link.retryIn ?? 0);
    if (seconds === 0) return { text: say("reconnecting_now"), act: "" };
    return { text: this.#waiting(seconds), act: say("try_now") };
  }

  #waiting(seconds) {
    const { code, reason } = this.#reason;
    if (code === "bye" || code === "shutting_down") return say("stopping", { seconds });
    if (code === null) return say("reconnecting", { seconds });
    return say("refused_now", { why: sayError(code, reason), seconds });
  }

  /** Tell something in passing. */
  pass(text) {
    const toast = at("toast");
    setText(toast, text);
    toast.classList.add("shown");
    clearTimeout(this.#toastTimer);
    this.#toastTimer = setTimeout(() => {
      toast.classList.remove("shown");
      setText(toast, "");
    }, PASSING);
  }
}

export function drawTyping(chat, now) {
  const names = (chat.room?.typing(now) ?? []).map(harmless);
  const [name, other] = names;
  const key = ["", "typing_one", "typing_two"][names.length] ?? "typing_many";
  setText(at("typing"), key === "" ? "" : say(key, { name, other }));
  return names.length > 0;
}
