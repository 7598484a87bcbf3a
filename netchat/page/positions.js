/* Positions: how far this page holds each room's log. Pure.

What makes "exactly once, in order" true over reconnects: a room is joined again from what is
held, and what is held already is not handed out again. A private talk is a log like a room; its
name starts with `@`, and its messages come without a join.

A resumed talk's new messages may so arrive before the join that brings those missed in between
is answered. They are let go of: that join moves the server's cursor back, and brings them
again in their place. */

/** Talks that a `welcome` lists at most, the newest first (the protocol). */
const LISTED_TALKS = 50;

/** Refusals which mean that a joined room is not ours any more. */
const GONE = new Set(["no_such_room", "forbidden"]);

export const isTalk = (room) => room.startsWith("@");

export class Positions {
  #rooms = new Map(); // room: {epoch, held, resuming}
  #epoch = "";

  /** A connection stands: what to join again, and from where. `again`: as the same identity,
   * and not for the first time. At the first time talks are only noted. */
  welcome(epoch, talks, again) {
    this.#epoch = epoch;
    const rooms = [...this.#rooms.keys()].filter((room) => !isTalk(room));
    if (again) {
      rooms.push(...this.#talksToResume(talks));
    } else {
      for (const room of this.#rooms.keys()) if (isTalk(room)) this.#rooms.delete(room);
      for (const talk of talks) this.#put(talk.room, epoch, talk.head);
    }
    return rooms.map((room) => this.#again(room));
  }

  /** A room was entered: the next message is the first of its backlog, or after it. */
  joined(event, request) {
    const position = this.#rooms.get(event.room);
    if (request.after === undefined) {
      if (position === undefined) {
        const held = Math.max(event.first - 1, event.head - (request.backlog ?? 0));
        this.#put(event.room, event.epoch, held);
      }
      return;
    }
    // A position in another epoch's log stands until the gap that follows has told of it.
    const epoch = (request.after && request.epoch) || event.epoch;
    if (position === undefined || position.epoch !== epoch) {
      this.#put(event.room, epoch, request.after);
    } else {
      position.held = Math.max(position.held, request.after);
      position.resuming = false;
    }
  }

  /** A join was refused for good. A room that we are in stays ours, unless it is gone. */
  refused(request, code) {
    const position = this.#rooms.get(request.room);
    if (position?.resuming || GONE.has(code)) this.#rooms.delete(request.room);
  }

  /** Some seqs will never come, or they start again. False: the join's answer tells it anew. */
  gap(event) {
    const position = this.#rooms.get(event.room);
    if (position === undefined || position.resuming) return false;
    const anew = event.reason === "epoch_changed";
    position.held = anew ? 0 : Math.max(position.held, event.to);
    position.epoch = event.epoch;
    return true;
  }

  /** Whether the message is to be handed out, now and for the first time. */
  isNew(message) {
    const position = this.#rooms.get(message.room);
    if (position === undefined) {
      if (isTalk(message.room)) this.#put(message.room, this.#epoch, message.seq);
      return true;
    }
    if (position.resuming || message.seq <= position.held) return false;
    position.held = message.seq;
    return true;
  }

  /** The room is not ours any more. A talk cannot be left, only not joined. */
  leave(room) {
    if (!isTalk(room)) this.#rooms.delete(room);
  }

  #put(room, epoch, held) {
    this.#rooms.set(room, { epoch, held, resuming: false });
  }

  #again(room) {
    if (!this.#rooms.has(room)) this.#put(room, this.#epoch, 0);
    const position = this.#rooms.get(room);
    position.resuming = true;
    return { type: "join", room, after: position.held, epoch: position.epoch };
  }

  /** Those with news, and those that the list does not show to have none. */
  #talksToResume(talks) {
    const listed = new Map(talks.map((talk) => [talk.room, this.#hasNews(talk)]));
    // A long list is cut. Across talks no order is promised, so what stands behind it may have news,
    // even where the last one in it has none.
    const full = talks.length >= LISTED_TALKS;
    for (const [room, position] of this.#rooms) {
      if (isTalk(room) && !listed.has(room)) {
        listed.set(room, full || position.resuming || position.epoch !== this.#epoch);
      }
    }
    return [...listed].filter(([, news]) => news).map(([room]) => room);
  }

  #hasNews(talk) {
    const position = this.#rooms.get(talk.room);
    if (position === undefined) return talk.head > 0;
    return position.resuming || talk.head > position.held || position.epoch !== this.#epoch;
  }
}
