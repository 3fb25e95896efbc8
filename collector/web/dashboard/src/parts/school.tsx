import { useState } from "preact/hooks";

// For the IT provider of several schools: which one a page is about.
export function SchoolChoice({ school, onChoose }: { school: string; onChoose: (school: string) => void }) {
  const [typed, setTyped] = useState(school);
  return (
    <form class="no-print" onSubmit={(event) => { event.preventDefault(); onChoose(typed.trim()); }}>
      <p class="field">
        <label for="school">School</label>
        <input id="school" value={typed} autocomplete="off" onInput={(event) => setTyped(event.currentTarget.value)} />
      </p>
      <button class="button secondary">Show this school</button>
    </form>
  );
}
