// A new safety lead's first log-in, at a real collector to which a simulated
// fleet has reported a school week: every page of theirs, with what it makes of
// a week's data.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { accessible, startBrowser } from "./browser.mjs";
import { openWindow } from "./school.mjs";

const collector = process.env.COLLECTOR;
const phrase = "seven purple lanterns";
let directory;
let server;
let browser;
let school;
let accounts;
let simulated;

async function freePort() {
  const one = createServer().listen(0, "127.0.0.1");
  await once(one, "listening");
  const { port } = one.address();
  await new Promise((done) => one.close(done));
  return port;
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "schoolgate-week-"));
  const data = join(directory, "data");
  const [devices, web] = [await freePort(), await freePort()];
  const run = (...words) => execFileSync(collector, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  accounts = JSON.parse(run("setup", "--data", data, "--school", "Oak Primary", "--listen", `127.0.0.1:${devices}`,
    "--web", `127.0.0.1:${web}`, "--name", "127.0.0.1", "--json")).accounts;
  server = spawn(collector, ["serve", "--data", data, "--dashboard-files", process.env.DASHBOARD], { stdio: "ignore" });
  school = { base: `https://127.0.0.1:${web}` };
  const token = join(directory, "enrolment.json");
  run("enrol-token", "--data", data, "--uses", "100", "--expires", "1d", "--collector", `127.0.0.1:${devices}`, "-o", token);
  simulated = JSON.parse(run("simulate", "--devices", "25", "--days", "5", "--events-per-day", "60", "--seed", "4",
    "--enrolment", token, "--json").trim().split("\n").at(-1));
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  if (server) {
    const ended = once(server, "exit");
    server.kill();
    await ended;
  }
  if (directory) await rm(directory, { recursive: true });
});

// As the paper says that setup printed.
async function firstLogIn(page, name) {
  const { password } = accounts.find((one) => one.name === name);
  await page.goto(school.base);
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByLabel("The password you were given").fill(password);
  await page.getByLabel("New password", { exact: true }).fill(phrase);
  await page.getByLabel("New password again").fill(phrase);
  await page.getByRole("button", { name: "Save the new password" }).click();
}

async function settled(page) {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.locator(".loading").waitFor({ state: "detached" });
}

test("a week of a simulated school, from the first log-in on", async () => {
  assert.equal(simulated.events, 25 * 5 * 60);
  const { context, page, troubles } = await openWindow(browser, school, { bypassCSP: true });
  await firstLogIn(page, "lead");
  await page.getByRole("heading", { level: 1, name: "Today" }).waitFor();
  const cards = page.locator("li.alert");
  await cards.first().waitFor();
  // Few for a week of twenty-five devices, each with its sentence.
  await setTimeout(1000);  // those that are still being found
  const number = await cards.count();
  assert.ok(number <= 25 * 2, `${number} alerts of 25 devices`);
  for (const words of await cards.allInnerTexts()) assert.match(words, /contacted|tried to reach|Device|device/);
  await accessible(page, "Today after a week");

  await cards.first().getByRole("link").first().click();
  await page.getByRole("heading", { name: "What happened, in order" }).waitFor();
  await settled(page);
  await accessible(page, "an alert of the week");
  await page.goBack();
  await cards.first().getByRole("link").first().focus();
  await page.keyboard.press("a");
  await page.getByRole("dialog").getByRole("button", { name: "Acknowledge" }).click();
  await cards.first().getByText("Seen").waitFor();

  const links = await page.getByRole("navigation", { name: "Pages" }).getByRole("link").evaluateAll(
    (all) => all.map((one) => one.getAttribute("href")));
  assert.ok(links.length >= 8, `only ${links}`);
  for (const path of links) {
    await page.goto(school.base + path);
    await settled(page);
    assert.equal(await page.locator(".error, [role=alert]").count(), 0, `${path} says that something is wrong`);
    await accessible(page, path);
  }
  assert.deepEqual(troubles, []);
  await context.close();
});

test("the head reads what the lead did, the governor figures without anybody in them", async () => {
  const head = await openWindow(browser, school, {});
  await firstLogIn(head.page, "head");
  await head.page.getByRole("link", { name: "Who looked at what" }).click();
  await head.page.getByText("Safety lead").first().waitFor();
  // Older lines as well: each in words, none as the program calls it.
  while (await head.page.getByRole("button", { name: "Show older lines" }).count()) {
    const lines = await head.page.locator("tbody tr").count();
    await head.page.getByRole("button", { name: "Show older lines" }).click();
    await head.page.locator("tbody tr").nth(lines).waitFor();
  }
  const audit = await head.page.locator("main").innerText();
  assert.match(audit, /Added an account \(lead\)[^]*|Allowed devices to be added/);
  assert.doesNotMatch(audit, /Add account|Enrol token|View rules/);
  await head.context.close();
  const governor = await openWindow(browser, school, {});
  await firstLogIn(governor.page, "governor");
  await settled(governor.page);
  assert.doesNotMatch(await governor.page.locator("main").innerText(), /P-[0-9A-Z]{6}|laptop-/);
  assert.deepEqual([...head.troubles, ...governor.troubles], []);
  await governor.context.close();
});
