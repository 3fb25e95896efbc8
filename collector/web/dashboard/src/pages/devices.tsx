import { useEffect, useState } from "preact/hooks";
import { get, sorry, type Device, type Me } from "../api";
import { ErrorSummary, Title } from "../parts/bits";
import { ReleasePart } from "../parts/release";
import { ago, fullTime } from "../time";
import { groupWord } from "../words";

const order: Device["state"][] = ["problem", "check", "good", "retired"];
const stateWord: Record<Device["state"], string> = {
  problem: "Needs attention",
  check: "Worth a look",
  good: "Working",
  retired: "Retired",
};
const refreshMs = 30000;

export function DevicesPage({ me }: { me: Me }) {
  const [devices, setDevices] = useState<Device[] | null>(null);
  const [error, setError] = useState("");

  useEffect(() => {
    const load = (background: boolean) =>
      get<{ devices: Device[] }>("/api/v1/devices", background).then(
        (answer) => { setDevices(answer.devices); setError(""); },
        (problem) => setError(sorry(problem)));
    load(false);
    const timer = setInterval(() => load(true), refreshMs);
    return () => clearInterval(timer);
  }, []);

  const sorted = [...(devices ?? [])].sort(
    (a, b) => order.indexOf(a.state) - order.indexOf(b.state) || a.name.localeCompare(b.name));
  const count = (state: Device["state"]) => sorted.filter((device) => device.state === state).length;
  const troubled = count("problem") + count("check");

  return (
    <>
      <Title tab="Devices">Devices</Title>
      <ErrorSummary message={error} />
      {me.role === "it_provider" && <ReleasePart />}
      {devices?.length === 0 && (
        <p>No device is enrolled yet. Your IT provider adds devices; they appear here by themselves.</p>
      )}
      {sorted.length > 0 && (
        <>
          <p class="lead">
            {troubled === 0
              ? `All ${sorted.length} devices are working as they should.`
              : `${count("good")} of ${sorted.length} devices are working. ${troubled} ${troubled === 1 ? "needs" : "need"} a look: ${me.role === "it_provider" ? "they are" : "tell your IT provider. They are"} listed first.`}
          </p>
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Device</th>
                <th scope="col">How it is</th>
                <th scope="col">Last contact</th>
                <th scope="col">What it can see</th>
                <th scope="col">Rules</th>
              </tr>
            </thead>
            <tbody>
              {sorted.map((device) => <DeviceRow key={device.id} device={device} />)}
            </tbody>
          </table>
        </>
      )}
    </>
  );
}

function DeviceRow({ device }: { device: Device }) {
  return (
    <tr class={`device device-${device.state}`}>
      <th scope="row">
        {device.name || device.id}
        <span class="hint block">
          {[device.group_title || groupWord(device.group), device.inventory_number].filter(Boolean).join(", ")}
        </span>
      </th>
      <td>
        <strong class={`tag tag-device-${device.state}`}>{stateWord[device.state]}</strong>
        {device.state !== "good" && <span class="block">{device.words}</span>}
        {device.mode === "observe" && <span class="block">Only watching: nothing is blocked.</span>}
      </td>
      <td data-label="Last contact" title={fullTime(device.last_contact)}>
        {device.last_contact ? ago(device.last_contact) : "Never"}
      </td>
      <td data-label="What it can see">
        {device.last_contact ? `${100 - device.blind_percent} of 100 connections` : "Not known"}
      </td>
      <td data-label="Rules">{device.rules_version > 0 ? `Version ${device.rules_version}` : "None yet"}</td>
    </tr>
  );
}
