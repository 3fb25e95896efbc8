// The lead's part of a lesson pass, against a collector that real agents report
// to: reads the request, has the page's own command signed, publishes the file,
// and watches the pass until it has ended. Started by tests/live/lesson_pass.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import { logInFirst, startBrowser } from "./browser.mjs";

const { BASE, ONE_TIME_PASSWORD, RULES, KEY, ORDER, PASS_LASTS, PUBLISHED } = process.env;

// As the head would type it: the page's words, with their key in its place.
async function sign(command) {
  const shell = command.replace("schoolgate-rules", `'${RULES}'`).replace("YOUR-KEY-FILE", `'${KEY}'`)
    .replace("pass.order", `'${ORDER}'`).replace("+1h", PASS_LASTS);
  assert.notEqual(shell, command);
  await promisify(execFile)("sh", ["-c", shell]);
  return Math.floor(Date.now() / 1000) + Number(PASS_LASTS.slice(1, -1));
}

test("a request becomes a pass that opens for the class and ends by itself", async () => {
  const browser = await startBrowser();
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-GB" });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await logInFirst(page, BASE, ONE_TIME_PASSWORD);

    await page.getByRole("link", { name: "Lesson passes" }).click();
    const asked = page.locator(".asked", { hasText: "asking a machine, year 6" });
    await asked.waitFor();
    await asked.getByText("The class would miss all of these.").waitFor();
    for (const host of ["chatgpt.com", "gemini.google.com"]) await asked.getByText(`${host}: blocked`).waitFor();
    await asked.getByText("Approve", { exact: true }).click();
    const end = await sign(await asked.locator(".command").innerText());
    await writeFile(`${ORDER}.end`, String(end));

    const file = await readFile(ORDER);
    await page.getByLabel("The file that schoolgate-rules wrote")
      .setInputFiles({ name: "pass.order", mimeType: "text/plain", buffer: file });
    const answered = page.waitForResponse((answer) => answer.url().endsWith("/api/v1/passes")
      && answer.request().method() === "POST");
    await page.getByRole("button", { name: "Publish the pass" }).click();
    await writeFile(PUBLISHED, String(Date.now()));
    assert.equal((await answered).status(), 200);
    await page.getByText("Devices that are connected have it within a second").waitFor();
    const running = page.locator("tr", { hasText: "chatgpt.com" });
    await running.getByText("Open now").waitFor();
    await running.getByText("approved by Head teacher").waitFor();
    await running.getByText("Ended").waitFor();
  } finally {
    await browser.close();
  }
});
