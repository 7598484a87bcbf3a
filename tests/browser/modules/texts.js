/* harmless.js, text.js, commands.js */

import { harmless, harmlessLines } from "/netchat/page/harmless.js";
import { codePoints, mentions, pieces, sendable } from "/netchat/page/text.js";
import { parse } from "/netchat/page/commands.js";
import { equal, ok } from "./checks.js";

const hrefs = (text) => pieces(text, "").filter((piece) => piece.href).map((piece) => piece.text);

export const tests = {
  "controls become pictures, what hides becomes a sign": () => {
    equal(harmless("a\u001b[31m\u0000"), "a␛[31m␀");
    equal(harmless("\u202egnp.exe"), "\ufffdgnp.exe");
    for (const hidden of ["\u200b", "\u2066", "\u2069", "\ufeff", "\u2028", "\u0085", "\u3164", "\ue000"]) {
      equal(harmless(`a${hidden}b`), "a\ufffdb");
    }
  },
  "nothing of Unicode that hides comes through": () => {
    for (let code = 0; code < 0x110000; code += 1) {
      const shown = harmless(String.fromCodePoint(code));
      ok(!/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u.test(shown), code.toString(16));
    }
  },
  "an emoji stays one, and so do joined scripts and flags": () => {
    for (const text of ["👩‍🚀", "❤️‍🔥", "👩🏽‍🔧", "می‌خواهم", "क्‍ष", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "naïve", "tiếng Việt", "שָׁלוֹם"]) {
      equal(harmless(text), text);
    }
    equal(harmless("a\u200db"), "a\ufffdb");
  },
  "marks do not pile up": () => equal(harmless("a" + "\u0301".repeat(50)), "a" + "\u0301".repeat(4)),
  "lines and tabs of a message stay": () => {
    equal(harmlessLines("a\n\tb\u202e"), "a\n\tb\ufffd");
    equal(harmless("a\nb"), "a␊b");
  },
  "links are of the web, without the sentence's signs": () => {
    equal(hrefs("see https://a.example/x, or (http://b.example/y_(z))."), ["https://a.example/x", "http://b.example/y_(z)"]);
    equal(hrefs("javascript:alert(1) ftp://x https:// https://u@x.example/ data:text/html,x"), []);
    equal(hrefs('https://a.example/"onclick=x'), ["https://a.example/"]);
  },
  "the pieces of a text make up the text": () => {
    for (const text of ["", "ana", "hi ana! https://x.example/ana, Ana.", "https://", "@ana @anab xana"]) {
      equal(pieces(text, "ana").map((piece) => piece.text).join(""), text);
    }
  },
  "a name is found as a word of its own": () => {
    for (const text of ["ana", "hi Ana!", "(@ana)", "ana: x"]) ok(mentions(text, "ana"), text);
    for (const text of ["banana", "anab", "ana_", "año", ""]) ok(!mentions(text, "ana"), text);
    ok(mentions("so a.b- said", "a.b-"));
    ok(!mentions("so axb- said", "a.b-"));
    ok(!mentions("anything", ""));
  },
  "a typed text is made fit to be sent": () => {
    equal(sendable("a\r\nb\u0007\ud800 \n"), "a\nb\ufffd");
    equal(codePoints("a😀"), 2);
  },
  "a slash is a command, two are a slash": () => {
    equal(parse("hello"), { name: "say", arguments: ["hello"] });
    equal(parse("//x"), { name: "say", arguments: ["/x"] });
    equal(parse("/join kitchen"), { name: "join", arguments: ["kitchen"] });
    equal(parse("/msg bea a\n b"), { name: "msg", arguments: ["bea", "a\n b"] });
    for (const text of ["/", "/nope", "/join", "/join a b", "/constructor", "/__proto__ x"]) {
      ok(parse(text).wrong, text);
    }
  },
};
