// What the school does for and with people: whom it tells, what it writes home,
// who has less for a time, for how long things are kept, who needs a code.
import assert from "node:assert/strict";
import { test } from "node:test";
import { codeNow } from "./authenticator.mjs";
import { accessible } from "./browser.mjs";
import { logIn, openWindow, restrictedPolicy, startSchool } from "./school.mjs";
import { schoolAndBrowser } from "./together.mjs";

const { school, browser } = await schoolAndBrowser("--policy", await restrictedPolicy(process.env.POLICY));

async function inWindow(look, where = school, options = {}) {
  const { context, page, troubles } = await openWindow(browser, where, options);
  try {
    await look(page, context);
    assert.deepEqual(troubles, []);
  } finally {
    await context.close();
  }
}

test("a number written down once stands beside the alert that needs it, and in the report", () =>
  inWindow(async (page) => {
    await logIn(page, school, "head", "/alerts/3");
    const told = page.locator(".row", { has: page.getByText("Whom it may have to be told") });
    await told.getByText("Nobody has written down how.").first().waitFor();
    await told.getByRole("link", { name: "Do it now" }).first().click();
    await page.getByText("lines are still empty").waitFor();
    await page.getByRole("button", { name: /^Write it down.*Police/ }).click();
    await page.getByLabel("Telephone").fill("ask at the desk");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("something in it that is no number").waitFor();
    await page.getByLabel("Person or desk").fill("Safer schools officer");
    await page.getByLabel("Telephone").fill("101");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText(/^Checked on .* by R. Okafor$/).waitFor();
    await page.goto(`${school.base}/alerts/3`);
    await told.getByRole("link", { name: "101" }).waitFor();
    await page.goto(`${school.base}/reports`);
    await page.locator("tr", { hasText: "Police" }).getByText("101").waitFor();
  }));

test("a letter home is drafted, finished by a person and printed, with no site and nobody else in it", () =>
  inWindow(async (page) => {
    await logIn(page, school, "lead", "/alerts/1");
    await page.getByRole("link", { name: "Draft a letter to parents or carers" }).click();
    const letter = page.getByRole("article", { name: "The letter" });
    await letter.getByText("Our policy on online safety says").waitFor();
    await page.getByLabel("Dear …").fill("Mr and Mrs Khan");
    await page.getByLabel("What the school has done or will do").fill("We have spoken with your child.");
    const words = await letter.innerText();
    assert.match(words, /Dear Mr and Mrs Khan,/);
    assert.match(words, /We have spoken with your child\./);
    assert.match(words, /A\. Patel/);
    assert.doesNotMatch(words, /P-[0-9A-Z]{6}|example\.test|laptop/);
    await page.emulateMedia({ media: "print" });
    assert.ok(!(await page.getByLabel("Dear …").isVisible()));
    assert.ok(await letter.isVisible());
    const pdf = await page.pdf();
    assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
  }));

test("for a child who may need help the letter speaks of no rule, and asks the writer first", () =>
  inWindow(async (page) => {
    await logIn(page, school, "lead", "/alerts/2/letter");
    await page.getByText("could telling the parents put the child at risk?").waitFor();
    const words = await page.getByRole("article", { name: "The letter" }).innerText();
    assert.match(words, /Nobody is in trouble/);
    assert.doesNotMatch(words, /Our policy/);
  }));

test("there is no letter about illegal material", () =>
  inWindow(async (page) => {
    await logIn(page, school, "head", "/alerts/3");
    assert.equal(await page.getByRole("link", { name: /letter/ }).count(), 0);
    await page.goto(`${school.base}/alerts/3/letter`);
    await page.getByRole("alert").getByText("the police decide who is told").waitFor();
  }));

test("who has less for a time is shown without a name, and made where the key is", () =>
  inWindow(async (page) => {
    await logIn(page, school, "lead", "/passes");
    const row = page.locator("tr", { hasText: "One person" });
    await row.getByText("Agreed with your parents").waitFor();
    await row.getByText("Now", { exact: true }).waitFor();
    await page.locator("tr", { hasText: "Test week" }).getByText("Not begun").waitFor();
    assert.ok(!(await page.content()).includes("a.khan"));
    await page.getByText("Remove the internet for somebody").click();
    await page.getByLabel("Log-in name").fill("b.lee");
    await page.getByLabel("No more than").selectOption("ks1");
    await page.getByLabel("Last day").fill("2027-01-29");
    await page.getByLabel("Why, as the person may read it").fill("Agreed: \"one week\"");
    await page.getByLabel("Who asks").fill("dsl");
    await page.getByLabel("Who approves").fill("head");
    const lines = await page.locator("pre.command", { hasText: "restrictions:" }).innerText();
    assert.match(lines, /user: "b\.lee", to: ks1, until: 2027-01-29/);
    assert.match(lines, /reason: "Agreed: \\"one week\\""/);
  }));

test("two people approve how long things are kept, one of them the head", async () => {
  await inWindow(async (page) => {
    await logIn(page, school, "lead", "/set-up");
    await page.getByText("Nobody has approved these times yet.").waitFor();
    await page.getByRole("button", { name: "Approve these times" }).click();
    await page.getByText("You have approved them. Somebody else has to agree.").waitFor();
  });
  await inWindow(async (page) => {
    await logIn(page, school, "deputy", "/set-up");
    await page.getByRole("button", { name: "Approve them as well" }).click();
    await page.getByRole("alert").getByText("One of the two has to be the head").waitFor();
  });
  await inWindow(async (page) => {
    await logIn(page, school, "head", "/set-up");
    await page.getByText("A. Patel has approved them.").waitFor();
    await page.getByRole("button", { name: "Approve them as well" }).click();
    await page.getByText(/^Approved by A\. Patel and R\. Okafor on/).waitFor();
  });
});

test("how soon alerts are looked at: exact for leaders, steps for a governor", async () => {
  await inWindow(async (page) => {
    await logIn(page, school, "lead", "/alerts/1");
    await page.getByRole("button", { name: "Acknowledge" }).first().click();
    await page.getByRole("dialog").getByRole("button", { name: "Acknowledge" }).click();
    await page.locator(".tag-state-seen").waitFor();
    const raised = await page.evaluate(async () => (await (await fetch("/api/v1/alerts/1")).json()).raised);
    await page.goto(`${school.base}/reports`);
    await page.getByLabel("When").selectOption(raised.slice(0, 7));
    const table = page.locator("section.figures", { has: page.getByRole("heading", { name: "How soon somebody looked" }) });
    await table.locator("tr", { hasText: "Rule break" }).locator("td").first().filter({ hasText: /^1$/ }).waitFor();
  });
  await inWindow(async (page) => {
    await logIn(page, school, "governor", "/");
    await page.getByRole("heading", { name: "How quickly" }).waitFor();
    await page.getByText("Not yet, for half of them or more").first().waitFor();
  });
});

test("a role that needs a code opens nothing before there is one", async () => {
  const strict = await startSchool("--need-code");
  try {
    await inWindow(async (page) => {
      await logIn(page, strict, "deputy", "/alerts/1");
      await page.getByRole("heading", { level: 1, name: "Add an authenticator" }).waitFor();
      await accessible(page, "add an authenticator");
      assert.equal(await page.getByRole("navigation").count(), 0);
      assert.equal(await page.evaluate(async () => (await fetch("/api/v1/alerts")).status), 403);
      await page.getByRole("button", { name: "Add an authenticator" }).click();
      const key = (await page.locator(".hash b").innerText()).replaceAll(" ", "");
      await page.getByLabel("Code that it shows now").fill(codeNow(key));
      await page.getByRole("button", { name: "Confirm" }).click();
      await page.locator(".codes li").first().waitFor();
      assert.equal(await page.locator(".codes li").count(), 10);
      await page.getByRole("button", { name: "I have kept the codes" }).click();
      await page.getByRole("navigation", { name: "Pages" }).waitFor();
    }, strict, { bypassCSP: true });
  } finally {
    await strict.stop();
  }
});

for (const colorScheme of ["light", "dark"]) {
  test(`the pages are accessible and fit a phone in ${colorScheme} colours`, () =>
    inWindow(async (page) => {
      await logIn(page, school, "lead", "/contacts");
      for (const path of ["/contacts", "/alerts/1/letter", "/alerts/2", "/passes", "/set-up", "/reports"]) {
        await page.goto(school.base + path);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await page.locator(".loading").waitFor({ state: "detached" });
        if (path === "/contacts") await page.getByRole("button", { name: /^Write it down.*Prevent lead/ }).click();
        if (path === "/passes") await page.getByText("Remove the internet for somebody").click();
        await accessible(page, path);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} is wider than the phone`);
      }
    }, school, { viewport: { width: 320, height: 640 }, colorScheme, bypassCSP: true }));
}
