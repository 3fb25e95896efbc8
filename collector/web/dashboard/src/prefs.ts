// Choices that stay in this browser. Never anything about a person.
export function pref(name: string): string {
  try {
    return localStorage.getItem(name) ?? "";
  } catch {
    return "";
  }
}

export function setPref(name: string, value: string): void {
  try {
    if (value) localStorage.setItem(name, value);
    else localStorage.removeItem(name);
  } catch {
    // Storage is switched off: the choice lasts until the page is closed.
  }
}

export const isDark = (): boolean => document.documentElement.dataset.theme === "dark";

export function setTheme(theme: "light" | "dark"): void {
  document.documentElement.dataset.theme = theme;
  setPref("theme", theme);
}

export function isLargeText(): boolean {
  return document.documentElement.dataset.text === "large";
}

export function setLargeText(large: boolean): void {
  if (large) document.documentElement.dataset.text = "large";
  else delete document.documentElement.dataset.text;
  setPref("text", large ? "large" : "");
}

export function shortcutsOn(): boolean {
  return pref("shortcuts") !== "off";
}

export function setShortcuts(on: boolean): void {
  setPref("shortcuts", on ? "" : "off");
}
