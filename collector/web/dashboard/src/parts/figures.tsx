// One table of a report: in numbers, with a picture where one helps.
import type { Table } from "../api";
import { Bars } from "./bars";
import { TrendTable } from "./trend";

export function Figures({ table }: { table: Table }) {
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
