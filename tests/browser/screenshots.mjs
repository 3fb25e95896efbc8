// Takes the pictures of docs/screenshots: phone and desktop, light and dark.
//   POLICY=... FIXTURE=... DASHBOARD=... node screenshots.mjs OUTPUT
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startBrowser } from "./browser.mjs";
import { logIn, openWindow, restrictedPolicy, startSchool } from "./school.mjs";

const output = process.argv[2] ?? "screenshots";
await mkdir(output, { recursive: true });
const school = await startSchool("--policy", await restrictedPolicy(process.env.POLICY));
const quiet = await startSchool("--quiet");
// Nobody logs in there: its provider need not exist.
const directory = await startSchool("--oidc", "http://127.0.0.1:9");
const browser = await startBrowser();

const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const longest = { desktop: 1150, phone: 1700 };
const shots = [
  ["log-in", null, "/", school],
  ["log-in-school-account", null, "/", directory],
  ["today", "lead", "/", school],
  ["quiet", "lead", "/", quiet],
  ["alert", "lead", "/alerts/1", school],
  ["related", "lead", "/alerts/1", school, "[data-related]"],
  ["stop", "head", "/alerts/3", school],
  ["passes", "lead", "/passes", school],
  ["records", "lead", "/records", school],
  ["my-record", "lead", "/my-record", school],
  ["contacts", "lead", "/contacts", school],
  ["letter", "lead", "/alerts/1/letter", school],
  ["reports", "lead", "/reports", school],
  ["reports-governors", "governor", "/reports", school],
  ["reviews", "lead", "/reviews", school],
  ["reviews-provider", "it", "/reviews", school],
  ["precision", "lead", "/precision", school],
  ["devices", "lead", "/devices", school],
  ["who-looked", "head", "/audit", school],
  ["governor", "governor", "/", school],
  ["notice", "lead", "/notice", school],
  ["set-up", "lead", "/set-up", school],
];
const only = process.argv.slice(3);

async function unlock(page, holder) {
  const share = school.shares.find((one) => one.holder === holder);
  await page.getByLabel("Your share", { exact: true }).setInputFiles({
    name: `oakfield-name-share-${holder}.json`, mimeType: "application/json", buffer: Buffer.from(share.text),
  });
  await page.getByLabel("Passphrase of your share").fill(share.passphrase);
  await page.locator("form", { has: page.getByLabel("Your share", { exact: true }) }).locator("button.button").click();
}

// The four pictures of one name being opened, by two people in two windows.
async function openName(size, viewport, colorScheme, shoot) {
  const asking = await openWindow(browser, school, { viewport, colorScheme });
  const agreeing = await openWindow(browser, school, { viewport, colorScheme });
  const panel = asking.page.locator("section", { has: asking.page.getByRole("heading", { name: "The person’s name" }) });
  await logIn(asking.page, school, "lead", "/alerts/1");
  await logIn(agreeing.page, school, "head", "/names");
  await asking.page.getByLabel("Why is the name needed?").fill("We have to talk with the family today.");
  await shoot(asking.page, "name-ask", panel);
  await asking.page.getByRole("button", { name: /^Ask/ }).click();
  await agreeing.page.locator(".check-code").waitFor();
  await shoot(agreeing.page, "name-agree");
  await unlock(agreeing.page, "head");
  await asking.page.getByText("has agreed.").waitFor();
  await shoot(asking.page, "name-unlock", panel);
  await unlock(asking.page, "lead");
  await asking.page.locator("[data-opened-name]").waitFor();
  await shoot(asking.page, "name-opened", panel);
  await asking.context.close();
  await agreeing.context.close();
}
for (const [size, viewport] of Object.entries(sizes)) {
  for (const colorScheme of ["light", "dark"]) {
    for (const [name, who, path, where, part] of shots) {
      if (only.length && !only.includes(name)) continue;
      const { context, page } = await openWindow(browser, where, { viewport, colorScheme });
      if (who) await logIn(page, where, who, path);
      else await page.goto(where.base + path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForLoadState("load");
      if (who === "lead" && path === "/") await page.locator("[data-connection=live]").waitFor();
      if (["/devices", "/audit", "/precision"].includes(path)) await page.locator("tbody tr").first().waitFor();
      if (["/passes", "/my-record"].includes(path)) await page.locator("main h2, main tbody tr").first().waitFor();
      if (name === "governor") await page.locator(".tag-serious").first().waitFor();
      if (path === "/reviews") await page.locator(".figures").first().waitFor();
      if (path === "/set-up") await page.locator("[data-fields]").first().waitFor();
      if (path === "/reports") await page.locator(".report").waitFor();
      if (part) {
        await page.locator(`${part} li`).first().waitFor();
        await page.locator(part).screenshot({ path: join(output, `${name}-${size}-${colorScheme}.png`) });
        await context.close();
        continue;
      }
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      await page.screenshot({
        path: join(output, `${name}-${size}-${colorScheme}.png`),
        fullPage: true,
        // Long pages are cut: every picture stays below 200 KB.
        clip: { x: 0, y: 0, width: viewport.width, height: Math.min(height, longest[size]) },
      });
      await context.close();
    }
    if (only.length && !only.some((name) => name.startsWith("name-"))) continue;
    await openName(size, viewport, colorScheme, async (page, name, part) => {
      const path = join(output, `${name}-${size}-${colorScheme}.png`);
      if (part) await part.screenshot({ path });
      else await page.screenshot({ path, clip: { x: 0, y: 0, width: viewport.width, height: longest[size] }, fullPage: true });
    });
  }
}
await browser.close();
await school.stop();
await quiet.stop();
await directory.stop();
