// A bar for each row, its number beside it: reads the same in colour, in grey
// and read aloud.
export function Bars({ names, values, title }: { names: string[]; values: number[]; title: string }) {
  const most = Math.max(1, ...values);
  const height = 26;
  return (
    <svg class="bars" viewBox={`0 0 640 ${names.length * height}`} role="img" aria-label={`${title}: ${names.map((name, i) => `${name} ${values[i]}`).join(", ")}`}>
      {names.map((name, row) => {
        const wide = Math.round((values[row]! / most) * 330);
        return (
          <g key={name} transform={`translate(0 ${row * height})`}>
            <text x="205" y="18" text-anchor="end">{name.length > 26 ? `${name.slice(0, 25)}…` : name}</text>
            <rect class="bar" x="215" y="4" width={wide} height={height - 8} />
            <text x={222 + wide} y="18">{values[row]}</text>
          </g>
        );
      })}
    </svg>
  );
}
