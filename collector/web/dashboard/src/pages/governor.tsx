import { useEffect, useState } from "preact/hooks";
import { get, sorry, type AnonymousAlert, type ResponseTimes } from "../api";
import { ErrorSummary, SeverityTag, Title } from "../parts/bits";
import { monthWord } from "../time";
import { categoryWord, outcomeWord, severities } from "../words";

// What a governor sees: that something happened and was dealt with, nobody in
// particular.
export function GovernorPage() {
  const [alerts, setAlerts] = useState<AnonymousAlert[] | null>(null);
  const [times, setTimes] = useState<ResponseTimes | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    get<ResponseTimes>("/api/v1/response-times").then(setTimes, (problem) => setError(sorry(problem)));
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
      {times && times.months.length > 0 && <Quickly times={times} />}
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
                  <td data-label="Kind">{alert.category ? categoryWord(alert.category) : "No kind of site"}</td>
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

// How quickly a month's incidents were dealt with, in steps: no single one can
// be worked out.
function Quickly({ times }: { times: ResponseTimes }) {
  const words = (step: string) =>
    step === "not yet" ? "Not yet, for half of them or more" : step ? `Half of them ${step}` : "Too few to say";
  return (
    <section>
      <h2 class="heading-m">How quickly</h2>
      <p class="hint">From the alert on, nights and weekends included. Nothing is said of a month with fewer than five.</p>
      <table class="table">
        <thead>
          <tr><th scope="col">Month</th><th scope="col">Looked at</th><th scope="col">Finished</th></tr>
        </thead>
        <tbody>
          {times.months.map((one) => (
            <tr key={one.month}>
              <th scope="row">{monthWord(one.month)}</th>
              <td data-label="Looked at">{words(one.looked_at)}</td>
              <td data-label="Finished">{words(one.closed)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
