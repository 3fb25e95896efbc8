// Runs before the first paint, so that a dark page never flashes white.
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

function chosen(name: string): string {
  try {
    return localStorage.getItem(name) ?? "";
  } catch {
    return ""; // Storage is switched off.
  }
}

function apply(): void {
  const theme = chosen("theme");
  const fixed = theme === "dark" || theme === "light";
  root.dataset.theme = fixed ? theme : system.matches ? "dark" : "light";
}

apply();
system.addEventListener("change", apply);
if (chosen("text") === "large") root.dataset.text = "large";
