// A safety lead's first morning, against a collector that real agents report
// to: logs in with the one-time password, sees the alert come, acknowledges.
import assert from "node:assert/strict";
import { test } from "node:test";
import { logInFirst, startBrowser } from "./browser.mjs";

const { BASE, ONE_TIME_PASSWORD } = process.env;
const alertText = /Pupil P-[0-9A-Z]+ tried to reach .* gambling sites/;

test("a pupil's repeated tries reach the lead's screen, and the lead answers", async () => {
  const browser = await startBrowser();
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en-GB" });
    const page = await context.newPage();
    page.setDefaultTimeout(90_000);
    await logInFirst(page, BASE, ONE_TIME_PASSWORD);

    const card = page.locator("li.alert", { hasText: alertText });
    await card.waitFor();
    await card.getByRole("link").first().click();
    await page.getByRole("heading", { name: "What happened, in order" }).waitFor();
    await page.getByText("www.bet365.com").first().waitFor();
    const words = await page.locator("body").innerText();
    for (const wrong of ["a.khan", "visited", "URL", "searched", "childline"]) {
      assert.ok(!words.includes(wrong), `"${wrong}" stands on the screen`);
    }
    await page.getByRole("link", { name: "Back to all alerts" }).click();
    await card.waitFor();
    await card.getByRole("link").first().focus();
    await page.keyboard.press("a");
    await page.getByLabel("Note (optional)").fill("I will speak with the class teacher.");
    await page.getByRole("dialog").getByRole("button", { name: "Acknowledge" }).click();
    await card.getByText("Seen").waitFor();
  } finally {
    await browser.close();
  }
});
