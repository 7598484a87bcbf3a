/* Making elements. Text becomes text nodes, and nothing else: there is no way from a string to
markup in this page. */

/** The element with this id, which is in index.html. */
export const at = (id) => document.getElementById(id);

/** An element: make("button.link", {type: "button", onclick: f}, "Text", child). Properties are
 * set as such, what has a dash in its name as an attribute. Absent children are left out. */
export function make(kind, properties = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const node = document.createElement(tag);
  node.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A picture of index.html's list. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Set a text only where it has changed: a screen reader hears of every change. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Let the children be these nodes, in order, and move none that stands right. */
export function arrange(parent, nodes) {
  const kept = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!kept.has(child)) child.remove();
  let next = parent.firstChild;
  for (const node of nodes) {
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
  }
}

/** One of eight tints, always the same for a name. */
export function tint(name) {
  let hash = 2166136261; // FNV-1a
  for (const char of name.toLowerCase()) hash = Math.imul(hash ^ char.codePointAt(0), 16777619);
  return `tint-${(hash >>> 3) % 8}`;
}
