import { useEffect, useState } from "preact/hooks";
import { download, get, sorry, type Me, type Report } from "../api";
import { ErrorSummary, Title } from "../parts/bits";
import { Bars } from "../parts/bars";
import { TrendTable } from "../parts/trend";
import { fullTime, monthWord } from "../time";

type Choice = [id: string, words: string];
type Kind = "leaders" | "governors" | "trends";

const hints: Record<Kind, string> = {
  leaders: "Exact figures: not for publication.",
  governors: "People cannot be worked out from it: it may be passed on.",
  trends: "Numbers without bands are exact: not for publication.",
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
  const [kind, setKind] = useState<Kind>(me.may.budget ? "leaders" : "governors");
  const [period, setPeriod] = useState(me.may.budget ? all.weeks[0]![0] : all.terms[0]![0]);
  const [report, setReport] = useState<Report | null>(null);
  const [error, setError] = useState("");
  const path = `/api/v1/report?kind=${kind}&period=${period}`;

  useEffect(() => {
    setReport(null);
    setError("");
    get<Report>(path).then(setReport, (problem) => setError(sorry(problem)));
  }, [path]);

  const choose = (fresh: Kind) => {
    setKind(fresh);
    setPeriod(fresh === "leaders" ? all.weeks[0]![0] : fresh === "trends" ? all.years[0]![0] : all.terms[0]![0]);
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
            <option value="governors">For governors</option>
            <option value="trends">Trends</option>
          </select>
        </p>
        <p class="field">
          <label for="report-period">When</label>
          <select id="report-period" value={period} onChange={(event) => setPeriod(event.currentTarget.value)}>
            {kind === "leaders" && group("Weeks", all.weeks)}
            {kind === "leaders" && group("Months", all.months)}
            {group("Terms", all.terms)}
            {group("School years", all.years)}
          </select>
        </p>
      </div>
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

type Table = Report["tables"][number];

function Figures({ table }: { table: Table }) {
  return (
    <section class="figures">
      <h3 class="heading-m">{table.title}</h3>
      {table.note && <p class="hint">{table.note}</p>}
      {table.rows.length === 0 ? <p>Nothing in this time.</p> : <Numbers table={table} />}
    </section>
  );
}

function Numbers({ table }: { table: Table }) {
  if (table.trend) return <TrendTable table={table} />;
  if (table.plot && table.columns.length === 2) {
    const names = table.rows.map((row) => row[0] ?? "");
    const values = table.rows.map((row) => Number(row[row.length - 1]));
    return <Bars names={names} values={values} title={table.title} />;
  }
  return (
    <table class="table">
      <thead><tr>{table.columns.map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
      <tbody>
        {table.rows.map((row, number) => (
          <tr key={number}>
            {row.map((cell, at) => at === 0
              ? <th key={at} scope="row">{cell}</th>
              : <td key={at} data-label={table.columns[at]}>{cell}</td>)}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
