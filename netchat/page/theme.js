/* Dark and light: the system's choice, until the reader makes one. */

import { at } from "./dom.js";
import { set, setting } from "./keep.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

export function startTheme() {
  apply(setting("theme"));
  at("theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    const system = dark.matches ? "dark" : "light";
    apply(next === system ? null : next);
    set("theme", next === system ? null : next);
  });
}

function apply(theme) {
  if (theme === null) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
