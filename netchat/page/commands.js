/* Commands: what a typed line means, as in the terminal. Pure.

A text that starts with `/` is a command, and never sent as text, so a slip of the finger is told
to nobody. `//` stands for a slash that is meant. */

const ARGUMENTS = new Map([
  ["join", [1, 1]],
  ["leave", [0, 0]],
  ["msg", [1, 2]],
  ["password", [0, 0]],
  ["help", [0, 0]],
]);

/** What a text means: {name, arguments}, where "say" has the text as its argument; {wrong} with
 * the command's word where there is no such command, or it is not written so. */
export function parse(text) {
  if (!text.startsWith("/")) return { name: "say", arguments: [text] };
  if (text.startsWith("//")) return { name: "say", arguments: [text.slice(1)] };
  const [, name, rest] = /^\/(\S*)\s*([^]*)$/u.exec(text);
  const [least, most] = ARGUMENTS.get(name) ?? [1, 0];
  const words = name === "msg" ? split(rest) : rest.split(/\s+/).filter(Boolean);
  if (words.length < least || words.length > most) return { wrong: `/${name}` };
  return { name, arguments: words };
}

function split(rest) {
  const [, user, text] = /^(\S*)\s*([^]*)$/u.exec(rest);
  return [user, text].filter(Boolean);
}
