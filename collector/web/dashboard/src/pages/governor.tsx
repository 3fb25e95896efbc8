import { useEffect, useState } from "preact/hooks";
import { get, sorry, type AnonymousAlert } from "../api";
import { ErrorSummary, SeverityTag, Title } from "../parts/bits";
import { monthWord } from "../time";
import { categoryWord, outcomeWord, severities } from "../words";

// What a governor sees: that something happened and was dealt with, nobody in
// particular.
export function GovernorPage() {
  const [alerts, setAlerts] = useState<AnonymousAlert[] | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    get<{ alerts: AnonymousAlert[] }>("/api/v1/alerts?all=1").then(
      (answer) => setAlerts(answer.alerts), (problem) => setError(sorry(problem)));
  }, []);
  const months = new Map<string, AnonymousAlert[]>();
  for (const alert of [...(alerts ?? [])].sort((a, b) =>
    a.month === b.month ? severities.indexOf(a.severity) - severities.indexOf(b.severity) : a.month < b.month ? 1 : -1)) {
    months.set(alert.month, [...(months.get(alert.month) ?? []), alert]);
  }
  return (
    <>
      <Title tab="Incidents">Incidents</Title>
      <p class="lead">What was found and how it ended, without people, devices, hosts or exact dates.</p>
      <ErrorSummary message={error} />
      {alerts?.length === 0 && <p>No incident has been recorded.</p>}
      {[...months].map(([month, some]) => (
        <section key={month}>
          <h2 class="heading-m">{monthWord(month)}</h2>
          <table class="table">
            <thead>
              <tr><th scope="col">What</th><th scope="col">Kind</th><th scope="col">How it ended</th></tr>
            </thead>
            <tbody>
              {some.map((alert, number) => (
                <tr key={number}>
                  <th scope="row">{alert.title} <SeverityTag severity={alert.severity} /></th>
                  <td data-label="Kind">{alert.category ? categoryWord(alert.category) : "A device"}</td>
                  <td data-label="How it ended">{alert.state === "closed" ? (outcomeWord[alert.outcome] ?? "Closed") : "Not finished yet"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
    </>
  );
}
