// Measures the live feed: N viewers, the server's memory, and the time from
// storing an alert to the last byte of it at each viewer.
//   FIXTURE=... DASHBOARD=... node viewers.mjs [N] [ALERTS]
import { readFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { password, startSchool } from "./school.mjs";

const viewers = Number(process.argv[2] ?? 200);
const alerts = Number(process.argv[3] ?? 50);
const school = await startSchool();
const open = { rejectUnauthorized: false };

function call(path, { body, headers = {}, agent } = {}) {
  return new Promise((done, fail) => {
    const asked = request(school.base + path, { ...open, agent, method: body ? "POST" : "GET", headers }, done);
    asked.on("error", fail);
    asked.end(body);
  });
}
async function text(answer) {
  let all = "";
  for await (const part of answer) all += part;
  return all;
}
async function memory() {
  const status = await readFile(`/proc/${school.pid}/status`, "utf8");
  const kb = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]);
  return { rss_mb: (kb("VmRSS") / 1024).toFixed(1), private_mb: (kb("RssAnon") / 1024).toFixed(1), threads: kb("Threads") };
}

const login = await call("/api/v1/login", {
  body: JSON.stringify({ name: "lead", password }),
  headers: { "content-type": "application/json" },
});
const cookie = login.headers["set-cookie"][0].split(";")[0];
await text(login);
console.log("before", await memory());

const arrivals = new Map();
for (let i = 0; i < viewers; i++) {
  let stream;
  // The rate limit of a session slows this down on purpose.
  while (!stream) {
    const answer = await call("/api/v1/live?after=6", { headers: { cookie }, agent: new Agent({ ...open, keepAlive: false }) });
    if (answer.statusCode === 200) stream = answer;
    else {
      await text(answer);
      await new Promise((go) => setTimeout(go, 100));
    }
  }
  let rest = "";
  stream.on("data", (part) => {
    const now = performance.now();
    const lines = (rest + part).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const id = /^id: (\d+)/.exec(line)?.[1];
      if (id) arrivals.get(id)?.push(now) ?? arrivals.set(id, [now]);
    }
  });
}
console.log(`${viewers} viewers`, await memory());

const waits = [];
for (let i = 0; i < alerts; i++) {
  const before = performance.now();
  const id = (await school.tell("alert")).split(" ")[2];
  while ((arrivals.get(id)?.length ?? 0) < viewers) await new Promise((go) => setTimeout(go, 1));
  for (const at of arrivals.get(id)) waits.push(at - before);
}
waits.sort((a, b) => a - b);
const at = (share) => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))].toFixed(1);
console.log(`alert to viewer: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms, ${waits.length} arrivals`);
console.log("after", await memory());
process.exit(0);
