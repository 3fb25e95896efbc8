// What jars somebody who works through a morning's alerts: a lost place, a form
// that has not heard of what was done above it, a sentence that is not so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { logIn, openWindow, restrictedPolicy } from "./school.mjs";
import { schoolAndBrowser } from "./together.mjs";

const { school, browser } = await schoolAndBrowser("--policy", await restrictedPolicy(process.env.POLICY));

async function as(name, path, look) {
  const { context, page, troubles } = await openWindow(browser, school, { bypassCSP: true });
  try {
    await logIn(page, school, name, path);
    await look(page, context);
    assert.deepEqual(troubles, []);
  } finally {
    await context.close();
  }
}

const focused = (page, words) => page.waitForFunction(
  (wanted) => document.activeElement !== document.body && document.activeElement?.textContent.includes(wanted), words);
const onAlert = (page, id) => page.waitForFunction((wanted) => document.activeElement?.dataset.alert === wanted, String(id));

// A control that was used with the keyboard.
async function press(page, name, options = {}) {
  await page.getByRole("button", { name, exact: true, ...options }).focus();
  await page.keyboard.press("Enter");
}

test("with the keys one goes from alert to alert, and comes back to where one was", () =>
  as("lead", "/", async (page) => {
    await page.locator("[data-connection=live]").waitFor();
    await page.locator("a.alert-link").first().waitFor();
    const ids = await page.locator("a.alert-link").evaluateAll((links) => links.map((link) => link.dataset.alert));
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await onAlert(page, ids[1]);
    await page.keyboard.press("a");
    await page.getByLabel("Note (optional)").waitFor();
    await page.keyboard.press("Control+Enter");
    // The next new one, not the one that was just dealt with.
    await onAlert(page, ids[2]);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "What happened, in order" }).waitFor();
    await page.keyboard.press("u");
    await onAlert(page, ids[2]);
    await page.keyboard.press("j");
    await onAlert(page, ids[3]);
  }));

test("two new alerts of one kind: the second is next when the first is known", async () => {
  await school.tell("alert");
  await school.tell("alert");
  await as("deputy", "/", async (page) => {
    const serious = page.locator("section.group", { hasText: "Look at these first." }).locator("a.alert-link");
    await serious.nth(2).waitFor();
    const ids = await serious.evaluateAll((links) => links.map((link) => link.dataset.alert));
    await serious.first().focus();
    await page.keyboard.press("a");
    await page.getByLabel("Note (optional)").waitFor();
    await page.keyboard.press("Control+Enter");
    await onAlert(page, ids[1]);
  });
});

test("the focus stays near when what had it has gone", () =>
  as("lead", "/alerts/1", async (page) => {
    await press(page, "Write the incident log");
    await focused(page, "Incident log");
    await page.getByLabel("Where it happened").fill("Library");
    await page.getByLabel("Action taken").fill("Talked with the pupil and the class teacher.");
    await press(page, "Sign and save");
    await focused(page, "Incident log");
    await page.getByLabel("Why must this be kept?").fill("The police have asked for it");
    await press(page, "Set a legal hold");
    await focused(page, "Keep and hand over");
    await page.getByLabel("Why is the name needed?").fill("We have to talk with the family.");
    await press(page, "Ask to open the name");
    await page.getByText("Waiting for a second senior person.").waitFor();
    await focused(page, "The person’s name");
    await press(page, "Withdraw the request");
    await focused(page, "The person’s name");
  }));

test("a row whose button has gone keeps the focus, and a share of too few is not told", () =>
  as("lead", "/precision", async (page) => {
    const row = page.locator("tr", { hasText: "Repeated tries: gambling sites" });
    await row.getByRole("button", { name: "Propose to move it to the digest" }).focus();
    await page.keyboard.press("Enter");
    await row.getByText("You have proposed").waitFor();
    await focused(page, "Repeated tries: gambling sites");
    await page.getByText("fewer than one a school day").waitFor();
    await page.getByText("too few to judge this kind by").waitFor();
    assert.doesNotMatch(await page.locator("main").innerText(), /about 0\.0|between \d+ %/);
  }));

test("what was done above is known below: acknowledged, and what stands in the log", () =>
  as("lead", "/alerts/4", async (page) => {
    await page.getByRole("button", { name: "Acknowledge" }).waitFor();
    assert.ok(!await page.getByRole("radio", { name: "Seen" }).isChecked());
    await press(page, "Acknowledge");
    await page.getByRole("dialog").getByRole("button", { name: "Acknowledge" }).click();
    await page.waitForFunction(() => document.getElementById("state-seen").checked);
    // Whoever wrote its log had seen this one.
    await page.goto(`${school.base}/alerts/1`);
    await page.getByRole("radio", { name: "Seen" }).and(page.locator(":checked")).waitFor();
    await page.getByRole("radio", { name: "Closed" }).check();
    await page.getByRole("radio", { name: "Dealt with in school" }).check();
    assert.equal(await page.getByLabel("What was done?").inputValue(), "Talked with the pupil and the class teacher.");
    await press(page, "Save");
    await page.getByText("Saved.").waitFor();
    assert.equal(await page.locator(".error-summary").count(), 0);
  }));

test("nothing is called never closed while the closed ones are on their way", () =>
  as("lead", "/", async (page) => {
    await page.locator("[data-connection=live]").waitFor();
    let goOn;
    const held = new Promise((done) => { goOn = done; });
    await page.route("**/api/v1/alerts?all=1", async (route) => {
      await held;
      await route.continue();
    });
    await page.getByRole("button", { name: "Closed", exact: true }).click();
    await page.locator("main .loading, main li.alert-closed").first().waitFor();
    assert.doesNotMatch(await page.locator("main").innerText(), /Nothing has been closed yet/);
    goOn();
    await page.locator("li.alert-closed").nth(1).waitFor();
  }));

test("the notice says the times of the policy, as the page of the set-up does", () =>
  as("lead", "/notice", async (page) => {
    await page.getByText("Contacts: 30 days, then they are erased.").waitFor();
    await page.getByText("until 365 days after the last contact in them").waitFor();
    await page.goto(`${school.base}/set-up`);
    await page.getByText("30 days, then erased by the program").waitFor();
    await page.getByText("365 days after the last contact in them").waitFor();
  }));

test("who typed a wrong password is sent to it, and groups are written alike", () =>
  as("second", "/password", async (page) => {
    await page.getByLabel("Present password").fill("not this one at all");
    await page.getByLabel("New password", { exact: true }).fill("four quiet brown tables");
    await page.getByLabel("New password again").fill("four quiet brown tables");
    await page.getByRole("button", { name: "Save the new password" }).click();
    await page.getByRole("link", { name: "The present password is not right." }).click();
    await page.waitForFunction(() => document.activeElement?.id === "old");
    await page.goto(`${school.base}/passes`);
    // Groups begin with a capital letter in both lists.
    await page.locator("#class-group").waitFor();
    const groups = await page.locator("#class-group option").allInnerTexts();
    assert.deepEqual(groups.slice(1), await page.locator("#try-group option").allInnerTexts());
  }));
