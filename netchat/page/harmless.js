/* Making text harmless: what others wrote may not hide, or lie. Pure.

Rules of this file
    1. No control character comes through, but the newline and the tab of a text.
    2. What cannot be seen is made visible, and what turns the direction of writing is stopped,
       so that a line reads as it is (CVE-2021-42574 is what happens else).
    3. Marks that pile up on one letter are cut off, so they cannot cover other lines.
    4. An emoji stays one, and so do the words of scripts that are written with joiners.

The terminal client's harmless.py is the same for a grid of cells, which has no use for the
joiners of rule 4. Markup is no concern of this file: nothing here ever becomes markup. */

const PLACEHOLDER = "\ufffd";

/** Combining marks on one letter; Vietnamese needs 2, and Hebrew with accents 4. */
const PILE = /(\p{M}{4})\p{M}+/gu;

/** Letters and marks by category that show nothing (Unicode's Default_Ignorable). */
const INVISIBLE_LETTERS = "\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u3164\\uffa0";

const SUSPECT = new RegExp(`[\\p{C}\\p{Zl}\\p{Zp}\\p{M}${INVISIBLE_LETTERS}]`, "u");
const HIDDEN = new RegExp(`[\\p{C}\\p{Zl}\\p{Zp}${INVISIBLE_LETTERS}]`, "gu");

/** What stays of the hidden: a joiner between two pictures (the first may have a variation or a
 * skin tone), joiners between letters of scripts that need them, and the tags of a flag. */
const KEPT = new RegExp(
  [
    "(?<=\\p{Extended_Pictographic}[\\ufe0f\\u{1f3fb}-\\u{1f3ff}]?)\\u200d(?=\\p{Extended_Pictographic})",
    "(?<=[\\p{scx=Arab}\\p{scx=Deva}\\p{scx=Beng}\\p{scx=Mlym}\\p{scx=Sinh}\\p{scx=Khmr}])" +
      "[\\u200c\\u200d](?=[\\p{L}\\p{M}])",
    "(?<=\\u{1f3f4})[\\u{e0061}-\\u{e007a}]{2,6}\\u{e007f}",
  ].join("|"),
  "gu",
);

/** A text of one line (a name, a room, an error) with nothing in it but what can be seen. */
export function harmless(text) {
  if (!SUSPECT.test(text)) return text;
  let out = "";
  let end = 0;
  const marked = text.replace(PILE, "$1");
  for (const kept of marked.matchAll(KEPT)) {
    out += replaced(marked.slice(end, kept.index)) + kept[0];
    end = kept.index + kept[0].length;
  }
  return out + replaced(marked.slice(end));
}

/** A message: the same, but lines stay lines and tabs stay tabs. */
export function harmlessLines(text) {
  if (!SUSPECT.test(text)) return text;
  return text
    .split("\n")
    .map((line) => line.split("\t").map(harmless).join("\t"))
    .join("\n");
}

/** Controls become pictures of themselves, all else that hides becomes U+FFFD. */
function replaced(text) {
  return text.replace(HIDDEN, (char) => {
    const code = char.codePointAt(0);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? "\u2421" : PLACEHOLDER;
  });
}
