import { useEffect, useState } from "preact/hooks";
import { download, get, sorry, type Me, type Report } from "../api";
import { ErrorSummary, Title } from "../parts/bits";
import { Figures } from "../parts/figures";
import { SchoolChoice } from "../parts/school";
import { fullTime, monthWord } from "../time";

type Choice = [id: string, words: string];
type Kind = "leaders" | "governors" | "trends" | "devices" | "effect" | "changes";

const hints: Record<Kind, string> = {
  leaders: "Exact figures: not for publication.",
  governors: "People cannot be worked out from it: it may be passed on.",
  trends: "Numbers without bands are exact: not for publication.",
  devices: "Nothing in it is about a person.",
  effect: "Exact figures: not for publication.",
  changes: "Who changed what about the filter and this server.",
};

const terms: [string, number, string][] = [["spring", 0, "Spring"], ["summer", 3, "Summer"], ["autumn", 8, "Autumn"]];

// The last terms, months and weeks, the newest first.
function choices(now: Date): { years: Choice[]; terms: Choice[]; months: Choice[]; weeks: Choice[] } {
  const year = now.getFullYear();
  const allTerms = [year, year - 1].flatMap((one) => [...terms].reverse()
    .filter(([, month]) => one < year || month <= now.getMonth())
    .map(([id, , words]): Choice => [`${one}-${id}`, `${words} ${one}`]));
  const months = Array.from({ length: 12 }, (_, back): Choice => {
    const month = new Date(year, now.getMonth() - back, 15);
    const id = `${month.getFullYear()}-${String(month.getMonth() + 1).padStart(2, "0")}`;
    return [id, monthWord(id)];
  });
  const weeks = Array.from({ length: 8 }, (_, back): Choice => {
    // A week belongs to the year of its Thursday.
    const thursday = new Date(year, now.getMonth(), now.getDate() - 7 * back + 4 - (now.getDay() || 7));
    const first = new Date(thursday.getFullYear(), 0, 1);
    const week = Math.ceil(((thursday.getTime() - first.getTime()) / 864e5 + 1) / 7);
    const monday = new Date(thursday.getTime() - 3 * 864e5);
    return [`${thursday.getFullYear()}-W${String(week).padStart(2, "0")}`,
      `Week of ${monday.toLocaleDateString("en-GB", { day: "numeric", month: "long" })}`];
  });
  const begun = now.getMonth() < 8 ? year - 1 : year;
  const years = [begun, begun - 1].map((one): Choice => [`${one}-year`, `School year ${one}/${(one + 1) % 100}`]);
  return { years, terms: allTerms, months, weeks };
}

export function ReportsPage({ me }: { me: Me }) {
  const all = choices(new Date());
  const provider = me.role === "it_provider";
  const firstOf = (one: Kind): string => one === "leaders" ? all.weeks[0]![0]
    : one === "devices" || one === "changes" ? all.months[0]![0] : one === "trends" || one === "effect" ? all.years[0]![0] : all.terms[0]![0];
  const first: Kind = provider ? "devices" : me.may.budget ? "leaders" : "governors";
  const [kind, setKind] = useState<Kind>(first);
  const [period, setPeriod] = useState(firstOf(first));
  const [school, setSchool] = useState("");
  const [report, setReport] = useState<Report | null>(null);
  const [error, setError] = useState("");
  const path = `/api/v1/report?kind=${kind}&period=${period}${school && `&school=${encodeURIComponent(school)}`}`;

  useEffect(() => {
    setReport(null);
    setError("");
    get<Report>(path).then(setReport, (problem) => setError(sorry(problem)));
  }, [path]);

  const choose = (fresh: Kind) => {
    setKind(fresh);
    setPeriod(firstOf(fresh));
  };
  const save = () => {
    download("GET", `${path}&format=csv`, `online-safety-${kind}-${period}.csv`)
      .catch((problem) => setError(sorry(problem)));
  };
  const group = (label: string, some: Choice[]) => (
    <optgroup label={label}>{some.map(([id, words]) => <option key={id} value={id}>{words}</option>)}</optgroup>
  );

  return (
    <>
      <Title tab="Reports">Reports</Title>
      <div class="report-form no-print">
        <p class="field">
          <label for="report-kind">What</label>
          <select id="report-kind" value={kind} onChange={(event) => choose(event.currentTarget.value as Kind)}>
            {me.may.budget && <option value="leaders">For head and senior leaders</option>}
            {!provider && <option value="governors">For governors</option>}
            {!provider && <option value="trends">Trends</option>}
            {me.may.budget && <option value="effect">Does the policy work?</option>}
            {!provider && <option value="changes">Changes</option>}
            {me.may.devices && <option value="devices">Health of the devices</option>}
          </select>
        </p>
        <p class="field">
          <label for="report-period">When</label>
          <select id="report-period" value={period} onChange={(event) => setPeriod(event.currentTarget.value)}>
            {(kind === "leaders" || kind === "changes") && group("Weeks", all.weeks)}
            {["leaders", "devices", "effect", "changes"].includes(kind) && group("Months", all.months)}
            {group("Terms", all.terms)}
            {kind !== "changes" && group("School years", all.years)}
          </select>
        </p>
      </div>
      {provider && !me.school && <SchoolChoice school={school} onChoose={setSchool} />}
      <ErrorSummary message={error} />
      {!report && !error && <p class="loading">Loading</p>}
      {report && (
        <article class="report">
          <h2 class="heading-l">{report.title}, {report.period}</h2>
          <p class="hint">Made on {fullTime(new Date().toISOString())}. {hints[kind === "trends" && !me.may.budget ? "governors" : kind]}</p>
          {report.tables.map((table) => <Figures key={table.title} table={table} />)}
          <p class="buttons no-print">
            <button class="button secondary" onClick={() => print()}>Print or save as PDF</button>
            <button class="button secondary" onClick={save}>Save as CSV</button>
          </p>
        </article>
      )}
    </>
  );
}
