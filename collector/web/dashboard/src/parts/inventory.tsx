import { useEffect, useState } from "preact/hooks";
import { get, post, sorry, type Inventory, type InventoryLine, type Me } from "../api";
import { fullTime } from "../time";
import { ErrorSummary } from "./bits";
import { SchoolChoice } from "./school";

// The school's own list of its computers: which of them has no Schoolgate.
export function InventoryPart({ me }: { me: Me }) {
  const [list, setList] = useState<Inventory | null>(null);
  const [error, setError] = useState("");
  const [school, setSchool] = useState("");
  const path = `/api/v1/inventory${school && `?school=${encodeURIComponent(school)}`}`;
  useEffect(() => {
    get<Inventory>(path).then((fresh) => { setList(fresh); setError(""); }, (problem) => setError(sorry(problem)));
  }, [path]);
  const upload = async (input: HTMLInputElement) => {
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    await file.text().then((csv) => post<Inventory>(path, { csv, file: file.name })).then(
      (fresh) => { setList(fresh); setError(""); }, (problem) => setError(sorry(problem)));
  };
  return (
    <section class="no-print">
      <h2 class="heading-l">Your list of computers</h2>
      <p>
        A computer that is on the school’s inventory and not here is not protected. Save the inventory as a CSV file with
        a column called “inventory number” or “asset tag”, or “computer name” or “hostname”.
      </p>
      <p>
        With a column called “log-in” it also says whose computer each is: the name as it is typed to log in on it, an
        empty cell where it is nobody’s own. You are then asked about it when somebody else’s log-in is used there. The
        names themselves are not kept.
      </p>
      {me.role === "it_provider" && !me.school && <SchoolChoice school={school} onChoose={setSchool} />}
      <ErrorSummary message={error} />
      <p class="field">
        <label for="inventory-file">Inventory as a CSV file</label>
        <input id="inventory-file" type="file" accept=".csv,text/csv" onChange={(event) => upload(event.currentTarget)} />
      </p>
      {list?.lines !== undefined && <Comparison list={list} lines={list.lines} />}
    </section>
  );
}

function Comparison({ list, lines }: { list: Inventory; lines: number }) {
  const whole = list.missing_count + list.unknown_count + list.silent.length + list.repeated.length === 0;
  return (
    <div data-inventory>
      <p class="inset" role="status">
        {list.matched} of {lines} {lines === 1 ? "computer" : "computers"} on the list {list.matched === 1 ? "is" : "are"} here
        and heard from. {whole && "Nothing is missing."}
        {list.given > 0 && ` ${list.given} ${list.given === 1 ? "is" : "are"} somebody’s own.`}
        <span class="hint block">{list.file || "The list"}, uploaded by {list.by}, {fullTime(list.uploaded)}.</span>
      </p>
      <Lines title={`Not protected: on the list, not here (${list.missing_count})`} lines={list.missing} />
      <Lines title={`Not heard from for two weeks (${list.silent.length})`} lines={list.silent} />
      <Lines title={`Here, but not on the list (${list.unknown_count})`} lines={list.unknown} />
      <Lines title={`More than once on the list (${list.repeated.length})`} lines={list.repeated} />
    </div>
  );
}

function Lines({ title, lines }: { title: string; lines: InventoryLine[] }) {
  if (lines.length === 0) return null;
  return (
    <>
      <h3 class="heading-m">{title}</h3>
      <ul>
        {lines.map((line, at) => (
          <li key={at}>{[line.name, line.number].filter(Boolean).join(", ")}
            {line.last_contact && <span class="hint"> last heard from {fullTime(line.last_contact)}</span>}</li>
        ))}
      </ul>
    </>
  );
}
