// A browser to look with, and what every page is asked.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

export const startBrowser = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
      "--no-first-run",
    ],
  });

// A lead's first morning: the one-time password, then one of their own.
export async function logInFirst(page, base, oneTimePassword) {
  await page.goto(base);
  await page.getByLabel("User name").fill("lead");
  await page.getByLabel("Password", { exact: true }).fill(oneTimePassword);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByLabel("The password you were given").fill(oneTimePassword);
  await page.getByLabel("New password", { exact: true }).fill("seven purple lanterns");
  await page.getByLabel("New password again").fill("seven purple lanterns");
  await page.getByRole("button", { name: "Save the new password" }).click();
  await page.getByRole("heading", { level: 1, name: "Today" }).waitFor();
}

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// Fails, and says where, for what axe finds to be a serious hindrance. Needs a
// window that was opened with bypassCSP.
export async function accessible(page, where) {
  await page.evaluate(axeSource);
  const found = await page.evaluate(() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const bad = found.violations.filter((fault) => ["serious", "critical"].includes(fault.impact));
  assert.deepEqual(bad.map((fault) => [where, fault.id, fault.nodes.map((node) => node.html)]), []);
}
