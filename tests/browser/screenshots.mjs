// Takes the pictures of docs/screenshots: phone and desktop, light and dark.
//   FIXTURE=... DASHBOARD=... node screenshots.mjs OUTPUT
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { logIn, openWindow, startBrowser, startSchool } from "./school.mjs";

const output = process.argv[2] ?? "screenshots";
await mkdir(output, { recursive: true });
const school = await startSchool();
const quiet = await startSchool("--quiet");
const browser = await startBrowser();

const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const longest = { desktop: 1150, phone: 1700 };
const shots = [
  ["log-in", null, "/", school],
  ["today", "lead", "/", school],
  ["quiet", "lead", "/", quiet],
  ["alert", "lead", "/alerts/1", school],
  ["stop", "head", "/alerts/3", school],
  ["devices", "lead", "/devices", school],
  ["who-looked", "head", "/audit", school],
  ["governor", "governor", "/", school],
  ["notice", "lead", "/notice", school],
];
const only = process.argv.slice(3);
for (const [size, viewport] of Object.entries(sizes)) {
  for (const colorScheme of ["light", "dark"]) {
    for (const [name, who, path, where] of shots) {
      if (only.length && !only.includes(name)) continue;
      const { context, page } = await openWindow(browser, where, { viewport, colorScheme });
      if (who) await logIn(page, where, who, path);
      else await page.goto(where.base + path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForLoadState("load");
      if (who === "lead" && path === "/") await page.locator("[data-connection=live]").waitFor();
      if (path === "/devices" || path === "/audit") await page.locator("tbody tr").first().waitFor();
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      await page.screenshot({
        path: join(output, `${name}-${size}-${colorScheme}.png`),
        fullPage: true,
        // Long pages are cut: every picture stays below 200 KB.
        clip: { x: 0, y: 0, width: viewport.width, height: Math.min(height, longest[size]) },
      });
      await context.close();
    }
  }
}
await browser.close();
await school.stop();
await quiet.stop();
