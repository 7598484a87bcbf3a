/* Silence: whether the server still lives. Pure.

A page is not told of the pings that its browser answers. So it asks for itself: when nothing
has come for the heartbeat and its grace, and sooner when there is reason to doubt (the machine
slept, the network changed). Times are seconds. */

/** Seconds of silence after which a server asks, until its `welcome` says otherwise. */
const HEARTBEAT = 25;

/** Seconds for an answer: as long as the server waits for ours. */
const GRACE = 20;

/** Seconds for an answer when there is reason to doubt: a slow phone's round trip. */
const DOUBT = 5;

export class Silence {
  heartbeat = HEARTBEAT;
  #heardAt;
  #deadline = null;

  constructor(now) {
    this.#heardAt = now;
  }

  /** When the silence has lasted too long. */
  get until() {
    return this.#deadline ?? this.#heardAt + this.heartbeat + GRACE;
  }

  /** Whether a question is out. */
  get asked() {
    return this.#deadline !== null;
  }

  /** A ping is being sent. */
  ask(now, doubtful = false) {
    this.#deadline = now + (doubtful ? DOUBT : GRACE);
  }

  /** Any message will do. */
  heard(now) {
    this.#heardAt = now;
    this.#deadline = null;
  }
}
