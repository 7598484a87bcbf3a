/* Times as people read them, in the browser's language and time zone. Pure, but for those. */

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const thisYear = { weekday: "long", day: "numeric", month: "long" };
const days = {
  near: new Intl.DateTimeFormat(undefined, thisYear),
  far: new Intl.DateTimeFormat(undefined, { ...thisYear, year: "numeric" }),
};

const valid = (ms) => Number.isFinite(ms) && Math.abs(ms) <= 8.64e15;

/** "10:41", or "–" for what is no time. */
export const clockTime = (ms) => (valid(ms) ? clock.format(ms) : "–");

/** All of it, for whoever points at it. */
export const exactTime = (ms) => (valid(ms) ? exact.format(ms) : "");

/** For a machine: the `datetime` of a `time` element. */
export const machineTime = (ms) => (valid(ms) ? new Date(ms).toISOString() : "");

/** A key that is equal for two times of one local day. */
export const dayKey = (ms) => (valid(ms) ? new Date(ms).toDateString() : "");

/** "Today", "Yesterday", or the date; `words` has the first two. */
export function dayName(ms, now, words) {
  const day = dayKey(ms);
  if (day === "" || day === dayKey(now)) return words.today;
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (day === yesterday.toDateString()) return words.yesterday;
  const near = new Date(ms).getFullYear() === new Date(now).getFullYear();
  return (near ? days.near : days.far).format(ms);
}
