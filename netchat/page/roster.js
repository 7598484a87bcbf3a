/* The roster: who is in a room, as far as the server tells. Pure. */

/** Names told one by one; a larger room tells its count, and a page of names when asked. */
const LISTED = 200;

export class Roster {
  count = 0;
  /** Whether `names` is all of them. */
  whole = false;
  /** The last name of the last page, where the next one starts. */
  lastAsked;
  #away = new Map(); // name: away

  joined(event) {
    this.count = event.count;
    this.whole = event.members !== null;
    this.#away = new Map((event.members ?? []).map((name) => [name, false]));
  }

  /** Applying it twice is the same as once. */
  presence(event) {
    this.count = event.count;
    if (event.members) {
      this.whole = true;
      this.#away = new Map(event.members.map((name) => [name, false]));
    }
    if (event.count > LISTED) this.whole = false;
    for (const name of event.joined ?? []) this.#away.set(name, false);
    for (const name of event.away ?? []) this.#away.set(name, true);
    for (const name of event.left ?? []) this.#away.delete(name);
  }

  /** A page of `who`. */
  members(event) {
    if (event.request?.after === undefined) this.#away.clear();
    for (const member of event.members) this.#away.set(member.name, member.away === true);
    this.lastAsked = event.members.at(-1)?.name;
    this.whole = event.complete;
  }

  /** [{name, away}], those who are here first, by name. */
  list() {
    const people = Array.from(this.#away, ([name, away]) => ({ name, away }));
    return people.sort((a, b) => a.away - b.away || compare(a.name, b.name));
  }
}

const compare = new Intl.Collator(undefined, { sensitivity: "base", numeric: true }).compare;
