/* Back-off: how long to wait before the next try to connect. Pure.

Full jitter: a crowd that lost its server at one instant comes back spread out, not in waves
(AWS Architecture Blog, "Exponential Backoff And Jitter"). */

/** Seconds: at most this before the first retry. A restarting server is back by then. */
const FIRST = 0.5;

/** Seconds: half of the time for which a dropped connection's name is held. */
const LONGEST = 30;

export class Backoff {
  #ceiling = FIRST;
  #random;

  /** `random` gives a number from 0 to 1. */
  constructor(random) {
    this.#random = random;
  }

  /** Seconds to wait now: the server's `floor`, and a random time on top. */
  next(floor = 0) {
    const ceiling = this.#ceiling;
    this.#ceiling = Math.min(LONGEST, ceiling * 2);
    return Math.max(0, floor) + this.#random() * ceiling;
  }

  /** It worked: begin from the shortest again. */
  reset() {
    this.#ceiling = FIRST;
  }
}
