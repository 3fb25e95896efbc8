// The server under test, and windows onto it.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { appendFile, cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";

const program = process.env.FIXTURE;
const dashboard = process.env.DASHBOARD;
if (!program || !dashboard) throw new Error("FIXTURE and DASHBOARD must be set: run it through ctest");

export const password = "correct horse battery";

// The policy with two lines more: a pupil's and a class's internet is removed
// for some days. In a folder of its own, with what it builds on.
export async function restrictedPolicy(policy) {
  const root = await mkdtemp(join(tmpdir(), "schoolgate-policy-"));
  process.once("exit", () => rmSync(root, { recursive: true, force: true }));
  const folder = join(root, "policies");
  await cp(dirname(policy), folder, { recursive: true });
  await cp(join(dirname(policy), "..", "lists"), join(root, "lists"), { recursive: true });
  const day = (days) => new Date(Date.now() + days * 864e5).toISOString().slice(0, 10);
  const file = join(folder, basename(policy));
  await appendFile(file, `
restrictions:
  - {user: a.khan, to: ks1, until: ${day(4)}, reason: Agreed with your parents,
     asked_by: dsl, approver: head}
  - {group: ks2, to: ks1, from: ${day(3)}, until: ${day(5)}, reason: Test week,
     asked_by: dsl, approver: head}
`);
  return file;
}

// One server with its own stores, in a directory that goes with it.
export async function startSchool(...options) {
  const directory = await mkdtemp(join(tmpdir(), "schoolgate-browser-"));
  const child = spawn(program, [join(directory, "stores"), dashboard, ...options], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const line = await lines.next();
    if (line.done) throw new Error("web_fixture ended early");
    return line.value;
  };
  const { port, shares, key } = JSON.parse(await next());
  return {
    shares,
    key,
    directory,
    pid: child.pid,
    base: `https://127.0.0.1:${port}`,
    async tell(command) {
      child.stdin.write(`${command}\n`);
      return next();
    },
    async stop() {
      const ended = new Promise((done) => child.once("exit", done));
      child.stdin.end();
      await ended;
      await rm(directory, { recursive: true });
    },
  };
}

// A window of its own: own cookies, own storage. Fails the test when the page
// asks anybody but our server (and `also`) for anything, or breaks its own rules.
export async function openWindow(browser, school, { also, ...options } = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-GB", timezoneId: "Europe/London", ...options });
  const page = await context.newPage();
  const troubles = [];
  page.on("request", (request) => {
    // What a page of theirs asks for is their business.
    if (also && request.frame().url().startsWith(also)) return;
    const known = [school.base, "data:", ...(also ? [also] : [])];
    if (!known.some((start) => request.url().startsWith(start))) troubles.push(`asked for ${request.url()}`);
  });
  page.on("pageerror", (error) => troubles.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy|Trusted/i.test(message.text())) troubles.push(message.text());
  });
  return { context, page, troubles };
}

export async function logIn(page, school, name, path = "/") {
  await page.goto(school.base + path);
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("button", { name: "Log out" }).waitFor();
}
