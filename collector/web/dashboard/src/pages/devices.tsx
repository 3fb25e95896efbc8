import { useEffect, useState } from "preact/hooks";
import { get, sorry, type Device, type DevicePage, type Me } from "../api";
import { ErrorSummary, Title } from "../parts/bits";
import { InventoryPart } from "../parts/inventory";
import { ReleasePart } from "../parts/release";
import { ago, fullTime } from "../time";
import { capital, groupWord } from "../words";

const stateWord: Record<Device["state"], string> = {
  problem: "Needs attention",
  check: "Worth a look",
  good: "Working",
  retired: "Retired",
};
const refreshMs = 30000;
const typingMs = 250;
const few = 10;

export function DevicesPage({ me }: { me: Me }) {
  const [list, setList] = useState<DevicePage | null>(null);
  const [error, setError] = useState("");
  const [find, setFind] = useState("");
  const [from, setFrom] = useState(0);

  useEffect(() => {
    let wanted = true;
    const load = (background: boolean) =>
      get<DevicePage>(`/api/v1/devices?from=${from}&find=${encodeURIComponent(find)}`, background).then(
        (answer) => { if (wanted) { setList(answer); setError(""); } },
        (problem) => { if (wanted) setError(sorry(problem)); });
    const first = setTimeout(() => load(false), find ? typingMs : 0);
    const timer = setInterval(() => load(true), refreshMs);
    return () => { wanted = false; clearTimeout(first); clearInterval(timer); };
  }, [find, from]);

  const counts = list?.counts;
  const total = counts ? counts.problem + counts.check + counts.good + counts.retired : 0;
  const troubled = counts ? counts.problem + counts.check : 0;

  return (
    <>
      <Title tab="Devices">Devices</Title>
      <ErrorSummary message={error} />
      {me.role === "it_provider" && <ReleasePart />}
      {list && total === 0 && (
        <p>No device is enrolled yet. Your IT provider adds devices; they appear here by themselves.</p>
      )}
      {list && counts && total > 0 && (
        <>
          <p class="lead">
            {troubled === 0
              ? `All ${total} devices are working as they should.`
              : `${counts.good} of ${total} devices are working. ${troubled} ${troubled === 1 ? "needs" : "need"} a look: ${me.role === "it_provider" ? "they are" : "tell your IT provider. They are"} listed first.`}
          </p>
          {(total > few || find) && (
            <p class="field no-print">
              <label for="find-device">Find a device by its name or inventory number</label>
              <input id="find-device" type="search" value={find}
                onInput={(event) => { setFind(event.currentTarget.value); setFrom(0); }} />
            </p>
          )}
          <p class="hint" role="status">
            {find || list.found > list.devices.length
              ? list.found === 0 ? "No device has that in its name."
                : `${list.from + 1} to ${list.from + list.devices.length} of ${list.found}` : ""}
          </p>
          {list.devices.length > 0 && (
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
                {list.devices.map((device) => <DeviceRow key={device.id} device={device} />)}
              </tbody>
            </table>
          )}
          {list.found > list.page && (
            <p class="buttons no-print">
              <button class="button secondary" disabled={list.from === 0}
                onClick={() => setFrom(Math.max(0, list.from - list.page))}>Devices before these</button>
              <button class="button secondary" disabled={list.from + list.devices.length >= list.found}
                onClick={() => setFrom(list.from + list.page)}>Devices after these</button>
            </p>
          )}
        </>
      )}
      {me.may.inventory && <InventoryPart me={me} />}
    </>
  );
}

function DeviceRow({ device }: { device: Device }) {
  return (
    <tr class={`device device-${device.state}`}>
      <th scope="row">
        {device.name || device.id}
        <span class="hint block">
          {[capital(device.group_title || groupWord(device.group)), device.inventory_number].filter(Boolean).join(", ")}
        </span>
        {device.given && (
          <span class="hint block">
            {device.given.people === 1 ? "One person’s own" : `Shared by ${device.given.people} people`} since {fullTime(device.given.since)}
          </span>
        )}
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
        {device.last_contact && device.program_version ? `${100 - device.blind_percent} of 100 connections` : "Not known"}
      </td>
      <td data-label="Rules">{device.rules_version > 0 ? `Version ${device.rules_version}` : "None yet"}</td>
    </tr>
  );
}
