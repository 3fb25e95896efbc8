// A case from hold to pack, who may say what is noise, reports, and the second
// factor: in a real browser, by several people.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { codeNow } from "./authenticator.mjs";
import { startBrowser } from "./browser.mjs";
import { logIn, openWindow, password, startSchool } from "./school.mjs";

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
    assert.deepEqual(kinds, ["For governors", "Trends", "Changes"]);
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

test("what is kept about a person is read by one when a second one has agreed, and saved as a file", async () => {
  await inWindow(async (page, context) => {
    await logIn(page, school, "lead", "/records");
    await page.getByRole("button", { name: "Ask for the record" }).click();
    await page.getByRole("alert").getByText("Enter the person’s log-in name").waitFor();
    await page.getByLabel("Their log-in name on school devices").fill("a.khan");
    await page.getByLabel("Who asked, and when?").fill("Letter 2026-014 of a parent");
    await page.getByRole("button", { name: "Ask for the record" }).click();
    await page.getByText("Waiting for a second person").waitFor();
    assert.equal(await page.getByRole("button", { name: "Agree" }).count(), 0);
    assert.equal(await page.getByRole("button", { name: "Show the record" }).count(), 0);
    const other = await openWindow(browser, school);
    await logIn(other.page, school, "head", "/records");
    await other.page.getByText("Letter 2026-014 of a parent").waitFor();
    await other.page.getByRole("button", { name: "Agree" }).click();
    await other.page.getByText("You have agreed").waitFor();
    assert.equal(await other.page.getByRole("button", { name: "Show the record" }).count(), 0);
    await page.getByRole("button", { name: "Show the record" }).click();
    await page.getByText("Tried to reach host bets.example.test; it was blocked.").waitFor();
    assert.ok(!/P-7F3AQ2/.test(await page.locator("main").innerText()), "the alias is not told");
    await page.getByRole("link", { name: "Repeated tries: gambling sites" }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save as CSV" }).click(),
    ]);
    const file = join(school.directory, "record.csv");
    await download.saveAs(file);
    assert.match(await readFile(file, "utf8"), /"contact","bets\.example\.test"/);
    await page.getByRole("button", { name: "Finished" }).click();
    await page.getByText("You ended the request").waitFor();
    await other.page.goto(`${school.base}/audit`);
    await other.page.getByText("Read what is kept about a person").first().waitFor();
    await other.context.close();
  });
});

test("files of a case: handed out whole, refused where they could run, never with illegal material", async () => {
  const picture = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
  await inWindow(async (page) => {
    await logIn(page, school, "lead", "/alerts/2");
    const add = page.getByLabel("Add a file");
    await add.setInputFiles({ name: "page.png", mimeType: "image/png", buffer: Buffer.from("<script>alert(1)</script>") });
    await page.getByRole("alert").getByText("this file is none of them").waitFor();
    await add.setInputFiles({ name: "large.png", mimeType: "image/png", buffer: Buffer.alloc(6 << 20) });
    await page.getByRole("alert").getByText("5 MB at most").waitFor();
    await add.setInputFiles({ name: "what I saw.exe", mimeType: "application/x-msdownload", buffer: picture });
    const named = page.getByRole("button", { name: "what I saw.png", exact: true });
    const [download] = await Promise.all([page.waitForEvent("download"), named.click()]);
    const file = join(school.directory, "got.png");
    await download.saveAs(file);
    assert.deepEqual(await readFile(file), picture);
    // Also by its address alone it is a file, not a page.
    const head = await page.evaluate(async () => {
      const { attachments } = await (await fetch("/api/v1/alerts/2")).json();
      const answer = await fetch(`/api/v1/attachments/${attachments[0].id}`);
      return Object.fromEntries(answer.headers);
    });
    assert.equal(head["content-disposition"], 'attachment; filename="what I saw.png"');
    assert.equal(head["x-content-type-options"], "nosniff");
    assert.match(head["content-security-policy"], /sandbox/);
    await page.getByRole("button", { name: "Remove what I saw.png" }).click();
    await page.getByLabel("Why is it removed?").fill("the wrong picture");
    await page.getByRole("button", { name: "Remove the file" }).click();
    await named.waitFor({ state: "detached" });
  });
  await inWindow(async (page) => {
    await logIn(page, school, "head", "/alerts/3");
    await page.getByText("Nothing may be attached here").waitFor();
    assert.equal(await page.getByLabel("Add a file").count(), 0);
  });
});

test("an alert says how many other devices were there, and counts nobody whom its reader may not see", async () => {
  const related = (page) => page.locator("[data-related]");
  await inWindow(async (page) => {
    await logIn(page, school, "lead", "/alerts/1");
    await related(page).getByText("bets.example.test: 3 other devices").waitFor();
    await related(page).getByText("Ask the teacher before you ask the pupil").waitFor();
    assert.ok(!/P-OTHER|laptop|QT/.test(await related(page).innerText()), "somebody without an alert is named");
    await page.goto(`${school.base}/alerts/3`);
    await page.getByText("Do not look").first().waitFor();
    assert.equal(await related(page).count(), 0);
  });
  // The head may know of the staff.
  await inWindow(async (page) => {
    await logIn(page, school, "head", "/alerts/1");
    await related(page).getByText("bets.example.test: 4 other devices").waitFor();
  });
});
