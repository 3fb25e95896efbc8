import { useLayoutEffect, useState } from "preact/hooks";
import { setShortcuts, shortcutsOn } from "../prefs";
import { go } from "../router";
import { Dialog } from "./dialog";

// Whether a key belongs to what the person is typing or to a dialog.
export function isTyping(event: KeyboardEvent): boolean {
  const at = event.target as HTMLElement | null;
  return (
    event.ctrlKey || event.metaKey || event.altKey || event.isComposing ||
    !!at?.closest("input, textarea, select, [contenteditable]") ||
    !!document.querySelector("dialog[open]")
  );
}

// Keys that work on the page that calls this, from the moment that it shows.
export function useKeys(keys: Record<string, (event: KeyboardEvent) => void>): void {
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      const action = keys[event.key];
      if (!action || !shortcutsOn() || isTyping(event)) return;
      event.preventDefault();
      action(event);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
}

export function useGlobalKeys(on: boolean, onHelp: () => void): void {
  useLayoutEffect(() => {
    if (!on) return;
    const press = (event: KeyboardEvent) => {
      if (isTyping(event)) return;
      // Help works always: it is where shortcuts are switched on again.
      if (event.key === "?") {
        event.preventDefault();
        onHelp();
      } else if (event.key === "t" && shortcutsOn()) {
        event.preventDefault();
        go("/");
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [on]);
}

const keysWords: [string, string][] = [
  ["j", "Next alert"],
  ["k", "Previous alert"],
  ["Enter", "Open the alert"],
  ["a", "Acknowledge"],
  ["n", "Write a note (on an alert’s page)"],
  ["u", "Back to the list"],
  ["t", "Today"],
  ["?", "This help"],
];

export function ShortcutHelp({ onClose }: { onClose: () => void }) {
  const [on, setOn] = useState(shortcutsOn());
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <table class="keys">
        <tbody>
          {keysWords.map(([key, words]) => (
            <tr key={key}>
              <th scope="row"><kbd>{key}</kbd></th>
              <td>{words}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="choice">
        <input id="shortcuts-on" type="checkbox" checked={on}
          onChange={() => { setShortcuts(!on); setOn(!on); }} />
        <label for="shortcuts-on">Use single-key shortcuts</label>
      </p>
      <button class="button" onClick={onClose}>Close</button>
    </Dialog>
  );
}
