// A table of numbers over time. Each row ends in a small picture of itself, for
// the eye only: the numbers say the same, and it prints in grey.
import type { Report } from "../api";

function Columns({ values, most }: { values: number[]; most: number }) {
  const width = 12;
  return (
    <svg class="trend" viewBox={`0 0 ${values.length * width} 28`} width={values.length * width} height="28" aria-hidden="true">
      {values.map((value, at) => {
        const high = value === 0 ? 1 : Math.max(2, Math.round((value / most) * 26));
        return <rect key={at} class="bar" x={at * width + 1} y={28 - high} width={width - 3} height={high} />;
      })}
    </svg>
  );
}

export function TrendTable({ table }: { table: Report["tables"][number] }) {
  const numbers = table.rows.map((row) => row.slice(1).map(Number));
  const most = Math.max(1, ...numbers.flat());
  return (
    <table class="table">
      <thead>
        <tr>
          {table.columns.map((name) => <th key={name} scope="col">{name}</th>)}
          <th scope="col">Course</th>
        </tr>
      </thead>
      <tbody>
        {table.rows.map((row, number) => (
          <tr key={row[0]}>
            {row.map((cell, at) => at === 0
              ? <th key={at} scope="row">{cell}</th>
              : <td key={at} data-label={table.columns[at]}>{cell}</td>)}
            <td><Columns values={numbers[number]!} most={most} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
