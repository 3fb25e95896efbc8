// One school and one browser for all tests of a file.
import { after } from "node:test";
import { startBrowser } from "./browser.mjs";
import { startSchool } from "./school.mjs";

export async function schoolAndBrowser(...options) {
  const school = await startSchool(...options);
  let browser;
  after(async () => {
    await browser?.close();
    await school.stop();
  });
  browser = await startBrowser();
  return { school, browser };
}
