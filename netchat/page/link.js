/* The link: the machine on a real WebSocket, with real time.

After whatever happens, `settle` does what the machine wants: sends, opens or closes a socket,
sets the one timer, and hands out the news. */

import { Machine, State } from "./machine.js";

const ATTACHED = new Set([State.CONNECTING, State.GREETING, State.ONLINE, State.LEAVING]);

/** Milliseconds for a connection to stand: a network that swallows packets is given up. */
const PATIENCE = 10_000;

const seconds = () => performance.now() / 1000;

/** Where the server is: beside the page, whatever the path. */
function address() {
  const url = new URL("ws", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = url.hash = "";
  return url;
}

export class Link {
  machine = new Machine(Math.random, seconds());
  #onNews;
  #socket = null;
  #timer = 0;
  #impatience = 0;

  /** `onNews` gets each piece of news, and null at the end of each round of them. */
  constructor(onNews) {
    this.#onNews = onNews;
    addEventListener("online", () => this.do((machine, now) => machine.hurry(now)));
    addEventListener("offline", () => this.do((machine, now) => machine.doubt(now)));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.do((machine, now) => machine.hurry(now));
    });
  }

  /** Seconds until the next try to connect; null while there is, or will be, no need. */
  get retryIn() {
    const { state, retryAt } = this.machine;
    return state === State.OFFLINE ? Math.max(0, retryAt - seconds()) : null;
  }

  /** Do something with the machine, and what follows from it. */
  do(act) {
    const done = act(this.machine, seconds());
    this.#settle();
    return done;
  }

  #settle() {
    if (!this.#wanted) this.#close(); // also where the next try is due at once
    this.machine.tick(seconds());
    if (!this.#wanted) this.#close();
    else if (this.#socket === null) this.#open();
    for (const text of this.machine.takeData()) this.#socket.send(text);
    this.#setTimer();
    const news = this.machine.takeNews();
    for (const piece of news) this.#onNews(piece);
    this.#onNews(null);
  }

  get #wanted() {
    return ATTACHED.has(this.machine.state);
  }

  #setTimer() {
    clearTimeout(this.#timer);
    const deadline = this.machine.deadline;
    if (deadline === null) return;
    const wait = Math.max(0, deadline - seconds()) * 1000;
    this.#timer = setTimeout(() => this.do(() => {}), Math.min(wait, 2 ** 31 - 1));
  }

  #open() {
    const socket = new WebSocket(address(), "netchat.v1");
    this.#socket = socket;
    this.#impatience = setTimeout(() => this.#lost(socket), PATIENCE);
    socket.onopen = () => {
      clearTimeout(this.#impatience);
      this.do((machine, now) => machine.connected(now));
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = () => this.#lost(socket);
  }

  #receive(data) {
    this.do((machine, now) => {
      try {
        machine.receive(data, now);
      } catch (error) {
        console.error(error); // what the server said makes no sense: begin again
        machine.lost("nonsense", now);
      }
    });
  }

  #lost(socket) {
    if (this.#socket !== socket) return;
    this.#close();
    this.do((machine, now) => machine.lost("", now));
  }

  #close() {
    const socket = this.#socket;
    if (socket === null) return;
    clearTimeout(this.#impatience);
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#socket = null;
  }
}
