/** Light or dark: as the browser says, or as the person chose. */

import { applyMode, Mode } from "@cloudscape-design/global-styles";
import { Value } from "./live/value.ts";

/** What a person may choose. */
export type Theme = "system" | "light" | "dark";

const KEPT = "porthole-console-theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** The person's choice. */
export const theme = new Value<Theme>(kept());

/** Applies the choice now and after each change of it or of the browser's. */
export function followTheme(): void {
  const apply = (): void => {
    const choice = theme.get();
    const isDark = choice === "dark" || (choice === "system" && dark.matches);
    applyMode(isDark ? Mode.Dark : Mode.Light);
    document.documentElement.dataset.mode = isDark ? "dark" : "light";
  };
  theme.watch(() => {
    try {
      localStorage.setItem(KEPT, theme.get());
    } catch {
      // A browser that keeps nothing still shows what was chosen.
    }
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}

function kept(): Theme {
  try {
    const found = localStorage.getItem(KEPT);
    return found === "light" || found === "dark" ? found : "system";
  } catch {
    return "system";
  }
}
