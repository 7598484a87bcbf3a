/* Texts that a person has typed, and what is in the texts of others. Pure. */

/** Code points of a message at most (the protocol). */
export const MAX_TEXT = 4000;

/** How many code points a text has, which is what the server counts. */
export function codePoints(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** A typed or pasted text as it may be sent: no controls but newline and tab, no lone
 * surrogates, and no blank end. */
export function sendable(text) {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "")
    .replace(/\p{Cs}/gu, "\ufffd")
    .trimEnd();
}

const LINK = /https?:\/\/[^\s<>"'`\ufffd]+/giu;

/** Whether a text has this name in it, as a word of its own. */
export function mentions(text, name) {
  return name !== "" && word(name).test(text);
}

/** A text in pieces, in order: {text}, {text, href} for links to the web, {text, me} for the
 * reader's own name. */
export function pieces(text, name) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const written = withoutTail(match[0]);
    const href = address(written);
    if (href === null) continue;
    found.push(...named(text.slice(end, match.index), name), { text: written, href });
    end = match.index + written.length;
  }
  found.push(...named(text.slice(end), name));
  return found;
}

/** The full stop and the bracket behind a link are the sentence's. */
function withoutTail(link) {
  let end = link.length;
  while (/[.,;:!?)\]}*_]/.test(link[end - 1])) {
    const open = { ")": "(", "]": "[", "}": "{" }[link[end - 1]];
    const head = link.slice(0, end);
    if (open && head.split(open).length >= head.split(link[end - 1]).length) break;
    end -= 1;
  }
  return link.slice(0, end);
}

/** An address that may be followed. One with a user in it may pretend to lead elsewhere. */
function address(written) {
  if (!URL.canParse(written)) return null;
  const url = new URL(written);
  const web = url.protocol === "http:" || url.protocol === "https:";
  return web && url.username === "" && url.password === "" ? url.href : null;
}

function named(text, name) {
  if (text === "") return [];
  if (name === "") return [{ text }];
  const parts = text.split(word(name));
  return parts
    .map((part, place) => (place % 2 ? { text: part, me: true } : { text: part }))
    .filter((piece) => piece.text !== "");
}

const words = new Map();

function word(name) {
  if (!words.has(name)) {
    const literal = name.replace(/[.*+?^${}()|[\]\\/]/g, (char) => `\\${char}`);
    words.set(name, new RegExp(`(?<![\\p{L}\\p{N}_])(@?${literal})(?![\\p{L}\\p{N}_])`, "iu"));
  }
  return words.get(name);
}
