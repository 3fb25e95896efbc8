import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { accessible, startBrowser } from "./browser.mjs";
import { logIn, openWindow, password, startSchool } from "./school.mjs";

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

// Runs `look` in a window of its own and fails on any request to elsewhere.
async function inWindow(options, look) {
  const { context, page, troubles } = await openWindow(browser, options.school ?? school, options);
  try {
    await look(page, context);
    assert.deepEqual(troubles, []);
  } finally {
    await context.close();
  }
}

const live = (page) => page.locator("[data-connection=live]").waitFor();
// The field is cleared when the server has refused.
async function passwordCleared(page) {
  while ((await page.getByLabel("Password", { exact: true }).inputValue()) !== "") await setTimeout(20);
}
const focusedAlert = (page) => page.evaluate(() => document.activeElement?.dataset.alert ?? "");

test("a wrong password is refused without saying what was wrong, the right one opens Today", () =>
  inWindow({}, async (page) => {
    await page.goto(school.base);
    await page.getByLabel("User name").fill("lead");
    await page.getByLabel("Password", { exact: true }).fill("not the password");
    await page.getByRole("button", { name: "Log in" }).click();
    const wrong = await page.getByRole("alert").innerText();
    await page.getByLabel("User name").fill("nobody-of-that-name");
    await page.getByLabel("Password", { exact: true }).fill("not the password");
    await page.getByRole("button", { name: "Log in" }).click();
    await passwordCleared(page);
    assert.equal(await page.getByRole("alert").innerText(), wrong);
    await logIn(page, school, "lead");
    await page.getByRole("heading", { level: 1, name: "Today" }).waitFor();
    await page.getByRole("link", { name: "Welfare: sites about self-harm" }).waitFor();
  }));

test("somebody who guesses is locked out, also with the right password, and others are not", () =>
  inWindow({}, async (page) => {
    await page.goto(school.base);
    for (let i = 0; i < 5; i++) {
      await page.getByLabel("User name").fill("victim");
      await page.getByLabel("Password", { exact: true }).fill(`guess number ${i}`);
      await page.getByRole("button", { name: "Log in" }).click();
      await passwordCleared(page);
    }
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("Too many tries").waitFor();
    await logIn(page, school, "deputy");
  }));

test("a one-time password must be changed before anything is shown", () =>
  inWindow({}, async (page) => {
    await page.goto(`${school.base}/alerts/1`);
    await page.getByLabel("User name").fill("fresh");
    await page.getByLabel("Password", { exact: true }).fill("one-time-words-here");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("heading", { name: "Choose your own password" }).waitFor();
    assert.equal(await page.getByText("P-7F3AQ2").count(), 0);
    await page.getByLabel("The password you were given").fill("one-time-words-here");
    await page.getByLabel("New password", { exact: true }).fill("short");
    await page.getByLabel("New password again").fill("short");
    await page.getByRole("button", { name: "Save the new password" }).click();
    await page.getByRole("alert").getByText("at least 12 characters").waitFor();
    await page.getByLabel("New password", { exact: true }).fill("seven purple lanterns");
    await page.getByLabel("New password again").fill("seven purple lanterns");
    await page.getByRole("button", { name: "Save the new password" }).click();
    await page.getByRole("heading", { level: 1, name: "Today" }).waitFor();
  }));

test("a new alert appears by itself and survives a restart of the server", () =>
  inWindow({}, async (page) => {
    await logIn(page, school, "lead");
    await live(page);
    const [, id] = (await school.tell("alert")).split(" ");
    await page.locator(`[data-alert="${id}"]`).waitFor();
    await page.locator(".announce", { hasText: "New alert, Serious" }).waitFor({ state: "attached" });
    // Sessions end with the server: the page says so, hides what it showed,
    // and nothing is missing after logging in again.
    assert.equal(await school.tell("restart"), "ok");
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    assert.equal(await page.locator("[data-alert]").count(), 0);
    const [, later] = (await school.tell("alert")).split(" ");
    await page.getByLabel("User name").fill("lead");
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.locator(`[data-alert="${id}"]`).waitFor();
    await page.locator(`[data-alert="${later}"]`).waitFor();
  }));

test("a day on which nothing needs anybody is quiet", async () => {
  const quiet = await startSchool("--quiet");
  try {
    await inWindow({ school: quiet }, async (page) => {
      await logIn(page, quiet, "lead", "/");
      await page.getByRole("heading", { name: "Nothing needs you right now" }).waitFor();
      await live(page);
      assert.equal(await page.locator("li.alert, [role=alert]").count(), 0);
      assert.doesNotMatch(await page.title(), /\d/);
    });
  } finally {
    await quiet.stop();
  }
});

test("an alert quotes the school’s own policy, and only those whom it names are told", async () => {
  const own = await startSchool("--policy", process.env.POLICY);
  try {
    await inWindow({ school: own }, async (page) => {
      await logIn(page, own, "lead", "/alerts/1");
      const says = page.locator(".row", { hasText: "What your school’s policy says" });
      await says.getByText("U17: “On-line gambling”").waitFor();
      // What each line gives as its reason stands above them.
      await page.getByText("Each time: first host contacted after a pause.").waitFor();
      const lines = await page.locator(".timeline .line > span").allInnerTexts();
      assert.deepEqual(lines.map((line) => line.trim()), [0, 1, 0, 1, 0].map((other) => other
        ? "Tried to reach spin.example.test; it was blocked (reached through a single other site)."
        : "Tried to reach bets.example.test; it was blocked."));
      assert.match(await says.innerText(), /Told: Designated safeguarding lead, to be looked at within 15 minutes/);
      await page.getByText("Key Stage 2 pupils").waitFor();
      assert.equal(await page.getByText("ks2", { exact: true }).count(), 0);
    });
    // The policy names the safeguarding lead for pupils, not the second senior.
    await inWindow({ school: own }, async (page) => {
      await logIn(page, own, "second", "/alerts/1");
      await page.getByText("There is no such alert").waitFor();
    });
    await inWindow({ school: own }, async (page) => {
      await logIn(page, own, "head", "/audit");
      await page.getByText("Took the newly published policy into force").first().waitFor();
    });
  } finally {
    await own.stop();
  }
});

test("a teacher’s request shows what the class would miss, and people read their own record", async () => {
  const own = await startSchool("--policy", process.env.POLICY);
  try {
    await inWindow({ school: own }, async (page) => {
      await logIn(page, own, "lead", "/passes");
      const asked = page.locator(".asked", { hasText: "fractions in year 5" });
      await page.getByLabel("Class or group").selectOption("ks2");
      await page.getByText("Nothing was refused or reported in the last 15 minutes").waitFor();
      assert.equal(await own.tell("refused"), "ok");
      await page.locator("[data-class-now] tr", { hasText: "games.example.test" }).waitFor();
      await asked.getByText("The class would miss all of these.").waitFor();
      await asked.getByText("Approve", { exact: true }).click();
      assert.match(await asked.locator(".command").innerText(), /pass new .*--group 'ks2' --reason 'fractions in year 5' --requester 'P-TEACH1'/);
      await page.getByLabel("Group", { exact: true }).selectOption({ label: "Key Stage 2 pupils" });
      await page.getByLabel("Hosts", { exact: true }).fill("www.bbc.co.uk");
      await page.getByRole("button", { name: "Try" }).click();
      await page.getByText("The class would get all of these.").waitFor();
      await page.getByRole("link", { name: "My record" }).click();
      await page.getByText("Tried to reach host www.shop.example.test; it was blocked.").waitFor();
      await page.getByText("a page or a program contacted deals.example.test, not you: it does not count against you. Why: ").waitFor();
    });
  } finally {
    await own.stop();
  }
});

test("alerts are worked through with the keyboard alone", () =>
  inWindow({}, async (page) => {
    await logIn(page, school, "deputy");
    await page.locator("a.alert-link").first().waitFor();
    await live(page);
    const ids = await page.locator("a.alert-link").evaluateAll((links) => links.map((link) => link.dataset.alert));
    await page.keyboard.press("j");
    assert.equal(await focusedAlert(page), ids[0]);
    await page.keyboard.press("j");
    assert.equal(await focusedAlert(page), ids[1]);
    await page.keyboard.press("k");
    assert.equal(await focusedAlert(page), ids[0]);
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/alerts/${ids[0]}`);
    await page.getByRole("heading", { name: "What happened, in order" }).waitFor();
    await page.keyboard.press("u");
    await page.getByRole("heading", { level: 1, name: "Today" }).waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  }));

test("acknowledging with a note lasts, and colleagues see it at once", () =>
  inWindow({}, async (page) => {
    const other = await openWindow(browser, school);
    await logIn(other.page, school, "deputy");
    await live(other.page);
    await logIn(page, school, "lead");
    const card = page.locator("li.alert", { has: page.locator('[data-alert="1"]') });
    await card.waitFor();
    await page.locator('[data-alert="1"]').focus();
    await page.keyboard.press("a");
    await page.getByLabel("Note (optional)").fill("Spoke with the class teacher.\n<b>Not bold</b>");
    await page.getByRole("dialog").getByRole("button", { name: "Acknowledge" }).click();
    await card.getByText("Seen").waitFor();
    await other.page.locator("li.alert", { has: other.page.locator('[data-alert="1"]') }).getByText("Seen").waitFor();
    await other.page.goto(`${school.base}/alerts/1`);
    await other.page.locator(".note-words", { hasText: "<b>Not bold</b>" }).waitFor();
    await other.page.getByText("A. Patel,").first().waitFor();
    await other.context.close();
  }));

test("an alert is closed only with how it ended and what was done, and the log is signed", () =>
  inWindow({}, async (page) => {
    await logIn(page, school, "lead", "/alerts/2");
    await page.getByLabel("Closed").check();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("Choose how this ended").waitFor();
    await page.getByLabel("Dealt with in school").check();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("Enter what was done").waitFor();
    await page.getByLabel("What was done?").fill("Talked with the pupil and the family.");
    await page.getByRole("button", { name: "Save" }).click();
    await page.locator(".incident").getByText("Talked with the pupil and the family.").waitFor();
    await page.getByRole("button", { name: "Write the incident log" }).click();
    await page.getByLabel("Where it happened").fill("Library");
    await page.getByRole("button", { name: "Sign and save" }).click();
    await page.locator(".incident").getByText("Library").waitFor();
    await page.locator(".incident").getByText("A. Patel,").waitFor();
    await page.getByRole("link", { name: "Back to all alerts" }).click();
    await page.getByRole("button", { name: "Closed" }).click();
    await page.getByRole("link", { name: "Welfare: sites about self-harm" }).waitFor();
  }));

test("illegal material: what to do stands first, the host nowhere, and closing takes two", async () => {
  await inWindow({}, async (page) => {
    const bodies = [];
    page.on("response", async (response) => bodies.push(await response.text().catch(() => "")));
    await logIn(page, school, "head", "/alerts/3");
    await page.getByRole("heading", { name: "Stop. Do not look." }).waitFor();
    await page.getByLabel("Closed").check();
    await page.getByLabel("Passed on to others").check();
    await page.getByLabel("What was done?").fill("Police called, computer isolated.");
    await page.getByRole("button", { name: "Propose to close" }).click();
    await page.getByText("You have proposed to close this").waitFor();
    assert.ok(await page.getByLabel("Closed").isDisabled());
    for (const path of ["/", "/alerts/3"]) {
      await page.goto(school.base + path);
      await page.getByText("Contact with restricted material").first().waitFor();
      assert.ok(!(await page.content()).includes("sealed-host"));
    }
    assert.ok(!bodies.some((body) => body.includes("sealed-host")));
  });
  await inWindow({}, async (page) => {
    await logIn(page, school, "second", "/alerts/3");
    await page.getByText("R. Okafor has proposed to close this").waitFor();
    await page.getByLabel("Closed").check();
    await page.getByRole("button", { name: "Confirm closing" }).click();
    await page.locator(".tag-state-closed").waitFor();
  });
});

test("an alert about the head reaches the second senior, not the head", async () => {
  await inWindow({}, async (page) => {
    await logIn(page, school, "second");
    await page.getByRole("link", { name: "Repeated contact: shopping sites" }).waitFor();
  });
  await inWindow({}, async (page) => {
    await logIn(page, school, "head");
    await page.locator("a.alert-link").first().waitFor();
    await live(page);
    assert.equal(await page.getByText("Repeated contact: shopping sites").count(), 0);
    await page.goto(`${school.base}/alerts/5`);
    await page.getByText("There is no such alert.").waitFor();
    await page.goto(`${school.base}/audit`);
    await page.getByText("Logged in").first().waitFor();
    assert.equal(await page.getByText("alert 5").count(), 0);
  });
});

test("each role sees its own pages and nothing of persons beyond them", async () => {
  await inWindow({}, async (page) => {
    await logIn(page, school, "governor");
    await page.getByRole("heading", { level: 1, name: "Incidents" }).waitFor();
    await page.locator("tbody tr").first().waitFor();
    const text = await page.locator("body").innerText();
    assert.ok(!/P-[0-9A-Z]{6}|laptop|example\.test/.test(text), text);
    await page.getByRole("link", { name: "Who looked at what" }).click();
    await page.getByText("no line was changed or removed").waitFor();
  });
  await inWindow({}, async (page) => {
    await logIn(page, school, "it");
    await page.getByRole("link", { name: "Device not heard from" }).waitFor();
    assert.ok(!/P-[0-9A-Z]{6}/.test(await page.locator("body").innerText()));
    // Of a device nobody is spoken for.
    await page.getByRole("link", { name: "Device not heard from" }).click();
    await page.getByText("What may explain it").waitFor();
    assert.equal(await page.getByText("What speaks for the person").count(), 0);
    await page.getByRole("link", { name: "Devices" }).click();
    await page.getByText("Not heard from for 5 days").waitFor();
  });
});

test("an empty chair is logged out and nothing stays on the screen", async () => {
  const brief = await startSchool("--idle-seconds", "3");
  try {
    await inWindow({ school: brief }, async (page) => {
      await logIn(page, brief, "lead", "/alerts/1");
      await page.getByRole("dialog", { name: "Are you still there?" }).waitFor();
      await page.getByText("You were logged out").waitFor();
      assert.ok(!(await page.content()).includes("P-7F3AQ2"));
    });
  } finally {
    await brief.stop();
  }
});

const pages = [
  ["lead", "/"], ["lead", "/alerts/1"], ["head", "/alerts/3"], ["lead", "/devices"], ["lead", "/reports"], ["lead", "/precision"], ["lead", "/passes"], ["lead", "/records"],
  ["lead", "/my-record"], ["lead", "/contacts"], ["lead", "/alerts/1/letter"], ["lead", "/names"], ["head", "/audit"],
  ["governor", "/"], ["governor", "/reports"], ["lead", "/notice"], ["lead", "/set-up"], ["lead", "/password"],
];

async function settle(page) {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.locator(".loading").waitFor({ state: "detached" });
}

for (const colorScheme of ["light", "dark"]) {
  test(`no serious accessibility fault in ${colorScheme} colours, and no word that claims too much`, () =>
    inWindow({ colorScheme, bypassCSP: true }, async (page, context) => {
      const check = async (where) => {
        await settle(page);
        await accessible(page, where);
        assert.doesNotMatch(await page.locator("body").innerText(), /\bvisit(s|ed|ing)?\b|\bURLs?\b|\bsearch(ed|es)?\b/i);
      };
      await page.goto(school.base);
      await check("log-in");
      let who = "";
      for (const [name, path] of pages) {
        if (name !== who) {
          await context.clearCookies();
          await logIn(page, school, name, path);
          who = name;
        } else {
          await page.goto(school.base + path);
        }
        await check(path);
      }
      await page.goto(`${school.base}/`);
      await settle(page);
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
      await check("help");
    }));
}

test("nothing is wider than a phone, also with larger text", () =>
  inWindow({ viewport: { width: 320, height: 640 } }, async (page, context) => {
    let who = "";
    for (const [name, path] of pages) {
      if (name !== who) {
        await context.clearCookies();
        await logIn(page, school, name, path);
        who = name;
      } else {
        await page.goto(school.base + path);
      }
      await settle(page);
      for (const size of ["normal", "large"]) {
        await page.evaluate((text) => { document.documentElement.dataset.text = text; }, size);
        const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= window, `${path} is ${wide} wide in a window of ${window} (${size} text)`);
      }
    }
  }));

for (const colorScheme of ["light", "dark"]) {
  test(`on a phone all pages are behind one button, with the keyboard too, in ${colorScheme} colours`, () =>
    inWindow({ viewport: { width: 320, height: 640 }, colorScheme, bypassCSP: true }, async (page) => {
      await logIn(page, school, "lead", "/");
      await settle(page);
      const menu = page.getByRole("button", { name: /^Menu/ });
      const reports = page.getByRole("link", { name: "Reports" });
      for (const size of ["100%", "200%"]) {
        await page.evaluate((text) => { document.documentElement.style.fontSize = text; }, size);
        const [line, button] = [await page.locator("nav").boundingBox(), await menu.boundingBox()];
        assert.ok(line.height < button.height * 1.2, `${line.height} for the menu (${size} text)`);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `wider than the phone (${size} text)`);
        await menu.focus();
        await page.keyboard.press("Enter");
        await reports.waitFor();
        assert.equal(await menu.getAttribute("aria-expanded"), "true");
        await accessible(page, `open menu (${size} text)`);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `open menu wider than the phone (${size} text)`);
        await page.keyboard.press("Tab");
        await page.keyboard.press("Escape");
        assert.equal(await reports.count(), 0);
        assert.ok(await menu.evaluate((one) => one === document.activeElement), "the focus is lost");
      }
      // Where somebody has gone on to the page, the menu is not in the way.
      await page.keyboard.press("Enter");
      await reports.waitFor();
      await page.locator("main").click({ position: { x: 5, y: 5 }, force: true });
      assert.equal(await reports.count(), 0);
      // Also before the open menu was drawn: a phone may be slow.
      const opened = await page.evaluate(async () => {
        const button = document.querySelector(".menu-button");
        const expanded = [];
        for (const act of [() => button.click(), () => document.querySelector("main").dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }))]) {
          act();
          await Promise.resolve().then(() => {});
          expanded.push(button.getAttribute("aria-expanded"));
        }
        return expanded;
      });
      assert.deepEqual(opened, ["true", "false"]);
      await menu.click();
      await reports.click();
      await page.getByRole("heading", { level: 1, name: "Reports" }).waitFor();
      assert.equal(await reports.count(), 0);
      await accessible(page, "closed menu");
    }));
}
