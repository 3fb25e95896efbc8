// Two senior people open a name, each in a browser of their own; and all the
// ways in which one of them, or a third, does not.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accessible, startBrowser } from "./browser.mjs";
import { logIn, openWindow, startSchool } from "./school.mjs";

const reason = "We have to talk with the family today.";
const patience = 60_000;

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

const shareOf = (holder, set = 0) => school.shares.filter((share) => share.holder === holder)[set];

// A person at a computer: their window, and all that it sends and gets.
async function person(name, path, options = {}) {
  const window = await openWindow(browser, school, options);
  const traffic = [];
  window.page.setDefaultTimeout(patience);
  window.page.on("request", (request) => traffic.push(request.url(), request.postData() ?? "", JSON.stringify(request.headers())));
  window.page.on("response", async (response) => traffic.push(await response.text().catch(() => "")));
  await logIn(window.page, school, name, path);
  return { ...window, traffic };
}

async function unlock(page, share, button, passphrase = share.passphrase) {
  await page.getByLabel("Your share", { exact: true }).setInputFiles({
    name: `oakfield-name-share-${share.holder}.json`, mimeType: "application/json", buffer: Buffer.from(share.text),
  });
  await page.getByLabel("Passphrase of your share").fill(passphrase);
  await page.getByRole("button", { name: button }).click();
}

async function ask(page) {
  await page.getByLabel("Why is the name needed?").fill(reason);
  await page.getByRole("button", { name: /^Ask/ }).click();
  await page.getByText("Waiting for a second senior person.").waitFor();
}

const agree = "Agree and send my share";
const openIt = "Open the name";

async function close(...people) {
  for (const one of people) {
    assert.deepEqual(one.troubles, []);
    await one.context.close();
  }
}

// Files of the server, all of them.
async function stored(directory) {
  const files = [];
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: false })) {
    const path = join(directory, entry.name);
    files.push(...(entry.isDirectory() ? await stored(path) : [await readFile(path)]));
  }
  return files;
}

test("two people open a name; the server never has the name, the key or a share", async () => {
  const lead = await person("lead", "/alerts/1");
  const head = await person("head", "/");
  await ask(lead.page);
  await head.page.getByRole("link", { name: "Names (1 for you)" }).click();
  await head.page.getByText(reason).waitFor();
  const code = (page) => page.locator(".check-code b").innerText();
  assert.equal(await code(head.page), await code(lead.page));

  await unlock(head.page, shareOf("head"), agree, "not the passphrase");
  await head.page.getByRole("alert").getByText("does not unlock this share").waitFor();
  await unlock(head.page, shareOf("head", 1), agree);
  await head.page.getByRole("alert").getByText("for another school").waitFor();
  await head.page.getByLabel("Your share", { exact: true }).setInputFiles({ name: "a.json", mimeType: "application/json", buffer: Buffer.from("{}") });
  await head.page.getByRole("button", { name: agree }).click();
  await head.page.getByRole("alert").getByText("not a share").waitFor();
  await unlock(head.page, shareOf("head"), agree);
  await head.page.getByText("You have agreed.").waitFor();

  await lead.page.getByText("R. Okafor has agreed.").waitFor();
  await unlock(lead.page, shareOf("lead"), openIt, "not the passphrase");
  await lead.page.getByRole("alert").getByText("does not unlock this share").waitFor();
  await unlock(lead.page, shareOf("lead"), openIt);
  await lead.page.locator("[data-opened-name]").waitFor();
  assert.equal(await lead.page.locator("[data-opened-name]").innerText(), "a.khan");
  await head.page.getByText("A. Patel has opened the name.").waitFor();
  assert.ok(!(await head.page.content()).includes("a.khan"));
  await lead.page.getByRole("link", { name: "Back to all alerts" }).click();
  await lead.page.getByRole("heading", { level: 1, name: "Today" }).waitFor();
  await lead.page.locator('[data-alert="1"]').click();
  await lead.page.getByText("is no longer shown").waitFor();
  assert.ok(!(await lead.page.content()).includes("a.khan"));

  // The pupil has no account: somebody tells them, and says so.
  await head.page.getByRole("link", { name: /^Names/ }).click();
  const row = head.page.locator("tr", { hasText: "Alert 1" });
  await row.getByText("To be told").waitFor();
  await row.getByRole("button", { name: "The person has been told" }).click();
  await row.getByText("by R. Okafor").waitFor();

  await head.page.getByRole("link", { name: "Who looked at what" }).click();
  for (const words of [`Asked for the name in alert 1: “${reason}”`, "Agreed to open the name in alert 1", "Opened the name in alert 1", "Told the person that their name was opened in alert 1"]) {
    await head.page.getByText(words).waitFor();
  }
  // All that went over the line in both directions, and all the server's files.
  const secrets = ["a.khan", school.key, ...school.shares.flatMap((share) => [share.bytes, share.passphrase])];
  const sent = [...lead.traffic, ...head.traffic].join("\n");
  assert.ok(sent.includes(reason), "the traffic was not seen");
  const files = Buffer.concat(await stored(join(school.directory, "stores")));
  assert.ok(files.includes(reason), "the files were not seen");
  for (const secret of secrets) {
    const forms = [Buffer.from(secret), Buffer.from(Buffer.from(secret).toString("base64"))];
    if (/^[0-9a-f]{64}$/.test(secret)) forms.push(Buffer.from(secret, "hex"), Buffer.from(Buffer.from(secret, "hex").toString("base64")));
    for (const form of forms) {
      assert.ok(!files.includes(form), "a secret lies in the server's files");
      assert.ok(!Buffer.from(sent).includes(form), "a secret went over the line");
    }
  }
  await close(lead, head);
});

test("a wait before the person is told takes a reason, and the second person sees both", async () => {
  const lead = await person("lead", "/alerts/2");
  await lead.page.getByLabel("Why is the name needed?").fill(reason);
  await lead.page.getByLabel("When is the person told").selectOption("30 days later");
  await lead.page.getByRole("button", { name: /^Ask/ }).click();
  await lead.page.getByRole("alert").getByText("why the person is told later").waitFor();
  await lead.page.getByLabel("Why must they wait?").fill("The police have asked us to wait");
  await lead.page.getByRole("button", { name: /^Ask/ }).click();
  await lead.page.getByText("Waiting for a second senior person.").waitFor();
  const head = await person("head", "/names");
  await head.page.getByText("30 days later: The police have asked us to wait").waitFor();
  await unlock(head.page, shareOf("head"), agree);
  await head.page.getByText("You have agreed.").waitFor();
  await unlock(lead.page, shareOf("lead"), openIt);
  await lead.page.locator("[data-opened-name]").waitFor();
  const row = head.page.locator("tr", { hasText: "Alert 2" });
  await row.getByText("Not before").waitFor();
  assert.equal(await row.getByRole("button").count(), 0);
  await close(lead, head);
});

test("the same share twice opens nothing, and says so", async () => {
  const lead = await person("lead", "/alerts/1");
  const deputy = await person("deputy", "/names");
  await ask(lead.page);
  await unlock(deputy.page, shareOf("lead"), agree);
  await deputy.page.getByText("You have agreed.").waitFor();
  await unlock(lead.page, shareOf("lead"), openIt);
  await lead.page.getByText("Both of you used the same share.").waitFor();
  assert.equal(await lead.page.locator("[data-opened-name]").count(), 0);
  await close(lead, deputy);
});

test("the same person in a second window cannot agree, and a refusal ends the request", async () => {
  const lead = await person("lead", "/alerts/2");
  await ask(lead.page);
  const again = await person("lead", "/alerts/2");
  await again.page.getByText("You asked for this name in another window").waitFor();
  assert.equal(await again.page.getByRole("button", { name: agree }).count(), 0);
  const status = await again.page.evaluate(async () => {
    const session = await (await fetch("/api/v1/session")).json();
    const { requests } = await (await fetch("/api/v1/names")).json();
    const answer = await fetch(`/api/v1/names/${requests.find((one) => one.state === "asked").id}/approve`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": session.csrf },
      body: JSON.stringify({ sealed_share: "a".repeat(162) }),
    });
    return answer.status;
  });
  assert.equal(status, 409);
  const second = await person("second", "/names");
  await second.page.getByRole("button", { name: "Refuse" }).click();
  await lead.page.getByText("S. Murray refused the request.").waitFor();
  await lead.page.getByRole("button", { name: "Ask again" }).waitFor();
  await close(lead, again, second);
});

test("governor and IT provider have no such page, and the person concerned is left out", async () => {
  const second = await person("second", "/alerts/5");
  await ask(second.page);
  const lead = await person("lead", "/names");
  await lead.page.getByText("The alert itself is not yours to read").waitFor();
  const head = await person("head", "/names");
  await head.page.getByRole("heading", { level: 1, name: "Names" }).waitFor();
  await head.page.waitForResponse((response) => response.url().endsWith("/api/v1/names"));
  assert.equal(await head.page.getByText("alert 5").count(), 0);
  for (const name of ["governor", "it"]) {
    const other = await person(name, "/names");
    await other.page.getByRole("heading", { name: "There is nothing here" }).waitFor();
    assert.equal(await other.page.evaluate(async () => (await fetch("/api/v1/names")).status), 403);
    await close(other);
  }
  await second.page.getByRole("button", { name: "Withdraw the request" }).click();
  await second.page.getByText("You withdrew the request.").waitFor();
  await close(second, lead, head);
});

for (const colorScheme of ["light", "dark"]) {
  test(`with the keyboard alone, on a phone, in ${colorScheme} colours`, async () => {
    const phone = { viewport: { width: 320, height: 640 }, colorScheme, bypassCSP: true };
    const deputy = await person("deputy", "/alerts/1", phone);
    const check = async (page) => {
      await accessible(page, "names");
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "wider than the phone");
    };
    await deputy.page.getByLabel("Why is the name needed?").focus();
    await deputy.page.keyboard.type(reason);
    await deputy.page.keyboard.press("Tab"); // when the person is told
    await deputy.page.keyboard.press("Tab");
    await deputy.page.keyboard.press("Enter");
    await deputy.page.getByText("Waiting for a second senior person.").waitFor();
    await check(deputy.page);
    const second = await person("second", "/names", phone);
    await second.page.getByText(reason).waitFor();
    await check(second.page);
    await second.page.getByLabel("Your share", { exact: true }).setInputFiles({ name: "s.json", mimeType: "application/json", buffer: Buffer.from(shareOf("senior").text) });
    await second.page.getByLabel("Your share", { exact: true }).focus();
    await second.page.keyboard.press("Tab");
    await second.page.keyboard.type(shareOf("senior").passphrase);
    await second.page.keyboard.press("Enter");
    await second.page.getByText("You have agreed.").waitFor();
    await unlock(deputy.page, shareOf("head"), openIt);
    await deputy.page.locator("[data-opened-name]").waitFor();
    await check(deputy.page);
    await deputy.page.getByRole("button", { name: "Hide it now" }).press("Enter");
    assert.equal(await deputy.page.locator("[data-opened-name]").count(), 0);
    await close(deputy, second);
  });
}
