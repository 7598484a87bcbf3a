/* Logging in: under which name, as which identity, and when to try again. Pure. */

/** The refs of the two answered requests that are not kept in the outbox. */
export const HELLO = "hello";
export const BYE = "bye";

export class Login {
  /** The name to log in under; null while somebody has to think of another one. */
  name = null;
  password = null;
  token = null;
  /** Say hello again at this instant (seconds); null: when there is a reason to. */
  againAt = null;
  #tokenShown = false;

  /** What to say on a new connection, and whenever `againAt` has come. */
  hello() {
    this.againAt = null;
    this.#tokenShown = this.token !== null;
    if (this.name === null) return null;
    const hello = { type: "hello", ref: HELLO, version: 1, name: this.name, client: "netchat-page" };
    if (this.password !== null) hello.password = this.password;
    if (this.token !== null) hello.token = this.token;
    return hello;
  }

  /** The server has let us in; whether that is as the identity we had before. */
  welcome(event) {
    this.name = event.name;
    this.token = event.token;
    this.password = null;
    return this.#tokenShown;
  }

  /** The server has not. The notice is for whoever chooses names; null: try again. */
  refused(event, now) {
    if (event.retry_after !== undefined) {
      this.againAt = now + event.retry_after;
      return null;
    }
    if (event.code === "bad_token" && this.token !== null) {
      this.token = null; // the old identity is out of reach
      this.againAt = now;
      return null;
    }
    const name = this.name ?? "";
    this.name = this.password = null;
    return { type: "name_refused", name, code: event.code, message: event.message };
  }
}
