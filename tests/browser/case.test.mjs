// A case from hold to pack, who may say what is noise, reports, and the second
// factor: in a real browser, by several people.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { codeNow } from "./authenticator.mjs";
import { logIn, openWindow, password, startBrowser, startSchool } from "./school.mjs";

const collector = process.env.COLLECTOR;
let school;
let browser;
before(async () => {
  school = await startSchool();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await school?.stop();
});

async function inWindow(look) {
  const { context, page, troubles } = await openWindow(browser, school);
  try {
    await look(page, context);
    assert.deepEqual(troubles, []);
  } finally {
    await context.close();
  }
}

const verify = (file) => execFileSync(collector, ["verify", file, "--json"], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

test("a held case is handed over in a pack that anybody can check, and one changed letter shows", () =>
  inWindow(async (page) => {
    await logIn(page, school, "lead", "/alerts/1");
    await page.getByLabel("Why must this be kept?").fill("The police have asked for it");
    await page.getByRole("button", { name: "Set a legal hold" }).click();
    await page.getByText("On hold since").waitFor();
    await page.locator(".tag-held").waitFor();
    // Who has set a hold does not lift it.
    assert.equal(await page.getByRole("button", { name: "Lift the hold" }).count(), 0);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Make a custody pack" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), "schoolgate-case-1.pack");
    const file = join(school.directory, "case.pack");
    await download.saveAs(file);
    const facts = JSON.parse(verify(file));
    assert.equal(facts.about.alert, 1);
    assert.equal(await page.locator(".custody .hash").innerText(), facts.hash);
    const text = await readFile(file, "utf8");
    assert.ok(text.includes("The police have asked for it"));
    const changed = join(school.directory, "changed.pack");
    await writeFile(changed, text.replace("blocked", "allowed"));
    assert.throws(() => verify(changed), /was changed after it was made/);
  }));

test("a hold is lifted by somebody else", () =>
  inWindow(async (page) => {
    await logIn(page, school, "deputy", "/alerts/1");
    await page.getByLabel("Why is the hold lifted?").fill("The case is over");
    await page.getByRole("button", { name: "Lift the hold" }).click();
    await page.getByLabel("Why must this be kept?").waitFor();
    assert.equal(await page.locator(".tag-held").count(), 0);
  }));

test("two people move a noisy kind to the digest; one cannot, and illegal material never goes there", async () => {
  const row = (page) => page.locator("tr", { hasText: "Repeated tries: gambling sites" });
  await inWindow(async (page) => {
    await logIn(page, school, "lead", "/precision");
    const locked = page.locator("tr", { hasText: "Contact with restricted material" });
    await locked.getByText("List, always").waitFor();
    assert.equal(await locked.getByRole("button").count(), 0);
    await row(page).getByRole("button", { name: "Propose to move it to the digest" }).click();
    await row(page).getByText("You have proposed").waitFor();
    assert.equal(await row(page).getByRole("button", { name: "Agree" }).count(), 0);
  });
  await inWindow(async (page) => {
    await logIn(page, school, "head", "/precision");
    await row(page).getByText("A. Patel has proposed").waitFor();
    await row(page).getByRole("button", { name: "Agree" }).click();
    await row(page).getByText("Daily digest").waitFor();
    await page.goto(`${school.base}/`);
    await page.getByText("In the daily digest").waitFor();
    assert.ok(!(await page.getByRole("link", { name: "Repeated tries: gambling sites" }).isVisible()));
    await page.getByText("In the daily digest").click();
    await page.getByRole("link", { name: "Repeated tries: gambling sites" }).waitFor();
  });
});

test("reports: exact for leaders, bands for governors, as a file and on paper in grey", async () => {
  await inWindow(async (page) => {
    await logIn(page, school, "lead", "/reports");
    await page.getByRole("heading", { name: "Alerts by severity" }).waitFor();
    const raised = await page.evaluate(async () => (await (await fetch("/api/v1/alerts/2")).json()).raised);
    await page.getByLabel("When").selectOption(raised.slice(0, 7));
    await page.getByRole("img", { name: /^Alerts by severity: .*Serious 1/ }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save as CSV" }).click(),
    ]);
    const file = join(school.directory, "report.csv");
    await download.saveAs(file);
    assert.match(await readFile(file, "utf8"), /"Serious","1"\r\n/);
    await page.emulateMedia({ media: "print" });
    const colours = await page.locator(".bar").first().evaluate((bar) => getComputedStyle(bar).fill.match(/\d+/g));
    assert.equal(new Set(colours).size, 1, `a bar prints in colour: ${colours}`);
    const pdf = await page.pdf();
    assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
  });
  await inWindow(async (page) => {
    await logIn(page, school, "governor", "/reports");
    await page.getByRole("heading", { name: "Alerts by month and area" }).waitFor();
    const kinds = await page.getByLabel("What").locator("option").allInnerTexts();
    assert.deepEqual(kinds, ["For governors", "Trends"]);
    assert.ok(!/P-[0-9A-Z]{6}|laptop|example\.test/.test(await page.locator("body").innerText()));
  });
});

test("trends: exact months for leaders, the governors' bands for governors", async () => {
  await inWindow(async (page) => {
    await logIn(page, school, "lead", "/reports");
    await page.getByLabel("What").selectOption("trends");
    await page.getByRole("heading", { name: "By category" }).waitFor();
    for (const name of ["By area", "By group", "By place, as the incident log has it", "By time of day"]) {
      await page.getByRole("heading", { name }).waitFor();
    }
    const raised = await page.evaluate(async () => (await (await fetch("/api/v1/alerts/2")).json()).raised);
    const month = new Date(raised).toLocaleDateString("en-GB", { month: "short", year: "numeric" }).replace("Sept", "Sep");
    const table = page.locator("section.figures", { has: page.getByRole("heading", { name: "By category" }) });
    const at = (await table.locator("thead th").allInnerTexts()).indexOf(month);
    assert.ok(at > 0, `no column for ${month}`);
    const row = table.locator("tbody tr", { hasText: "Gambling" });
    assert.ok(Number(await row.locator("th, td").nth(at).innerText()) > 0);
    assert.ok(await row.locator("svg.trend rect").count() > 0);
  });
  await inWindow(async (page) => {
    await logIn(page, school, "governor", "/reports");
    await page.getByLabel("What").selectOption("trends");
    await page.getByRole("heading", { name: "Alerts by month and area" }).waitFor();
    assert.equal(await page.getByRole("heading", { name: "By category" }).count(), 0);
  });
});

test("with an authenticator the password alone opens nothing, and a recovery code works once", () =>
  inWindow(async (page, context) => {
    await logIn(page, school, "second", "/password");
    await page.getByRole("button", { name: "Add an authenticator" }).click();
    const key = (await page.locator(".hash b").innerText()).replaceAll(" ", "");
    await page.getByLabel("Code that it shows now").fill(codeNow(key));
    await page.getByRole("button", { name: "Confirm" }).click();
    await page.getByText("From now on logging in takes a code").waitFor();
    const recovery = await page.locator(".codes li").allInnerTexts();
    assert.equal(recovery.length, 10);
    const enter = async (code) => {
      await context.clearCookies();
      await page.goto(school.base);
      await page.getByLabel("User name").fill("second");
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: "Log in" }).click();
      await page.getByLabel("Code").fill(code);
      await page.getByRole("button", { name: "Log in" }).click();
    };
    await enter(recovery[0]);
    await page.getByRole("heading", { level: 1, name: "Today" }).waitFor();
    await enter(recovery[0]);
    await page.getByRole("alert").getByText("not a code that is good now").waitFor();
    await enter(codeNow(key, 1));
    await page.getByRole("heading", { level: 1, name: "Today" }).waitFor();
  }));
