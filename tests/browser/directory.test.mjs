// Log-in with the school's own account: a real provider, a real browser.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { codeNow } from "./authenticator.mjs";
import { freePort, logInAtProvider, startProvider } from "./provider.mjs";
import { accessible, startBrowser } from "./browser.mjs";
import { openWindow, password, startSchool } from "./school.mjs";

const people = {
  patel: { sub: "u-1001", email: "A.Patel@oakfield.test", email_verified: true },
  jones: { sub: "u-1002", email: "m.jones@oakfield.test", email_verified: true },
  okafor: { sub: "u-1003", email: "r.okafor@oakfield.test", email_verified: true },
  claims: { sub: "u-6666", email: "r.okafor@oakfield.test", email_verified: false },
  follower: { sub: "u-7777", email: "a.patel@oakfield.test", email_verified: true },
  stranger: { sub: "u-9999", email: "visitor@elsewhere.test", email_verified: true },
};

let browser;
let school;
let provider;
let options;
before(async () => {
  browser = await startBrowser();
  const port = await freePort();
  options = { port: await freePort(), dashboard: `https://127.0.0.1:${port}`, secret: "a secret & more: 1", people };
  const issuer = `http://127.0.0.1:${options.port}`;
  school = await startSchool("--port", `${port}`, "--oidc", issuer, "--oidc-secret", options.secret);
  provider = await startProvider(options);
  for (const [account, email] of [["lead", "a.patel"], ["deputy", "m.jones"], ["head", "r.okafor"]]) {
    assert.equal(await school.tell(`identity ${account} ${email}@oakfield.test`), "ok");
  }
});
after(async () => {
  await browser?.close();
  await provider?.stop();
  await school?.stop();
});

async function inWindow(look, more = {}) {
  const { context, page, troubles } = await openWindow(browser, school, { also: provider.issuer, ...more });
  try {
    await look(page, context);
    assert.deepEqual(troubles, []);
  } finally {
    await context.close();
  }
}

const begin = (page) => page.getByRole("button", { name: "Log in with your school account" }).click();
const inside = (page) => page.getByRole("button", { name: "Log out" }).waitFor();
const problem = (page, words) => page.getByRole("alert").getByText(words).waitFor();

for (const alg of ["RS256", "ES256"]) {
  test(`somebody whom the directory knows is let in where they were going (${alg})`, async () => {
    if (alg !== "RS256") {
      // The provider's key is exchanged, for one of another kind.
      await provider.stop();
      provider = await startProvider({ ...options, alg });
      await school.tell("restart");
    }
    await inWindow(async (page) => {
      await page.goto(`${school.base}/devices`);
      await begin(page);
      await logInAtProvider(page, provider.issuer, "patel");
      await inside(page);
      assert.equal(page.url(), `${school.base}/devices`, "what the provider sent is not left in the address");
      await page.getByRole("heading", { level: 1, name: "Devices" }).waitFor();
      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByRole("heading", { name: "Log in" }).waitFor();
    });
  });
}

test("whoever is first bound to an address stays it", () =>
  inWindow(async (page) => {
    await page.goto(school.base);
    await begin(page);
    await logInAtProvider(page, provider.issuer, "follower");
    await problem(page, "belongs to somebody else of your school’s directory");
  }));

test("an address that the directory does not confirm opens nothing, nor does one that nobody has here", async () => {
  await inWindow(async (page) => {
    await page.goto(school.base);
    await begin(page);
    await logInAtProvider(page, provider.issuer, "claims");
    await problem(page, "it does not confirm your e-mail address");
  });
  await inWindow(async (page) => {
    await page.goto(school.base);
    await begin(page);
    await logInAtProvider(page, provider.issuer, "stranger");
    await problem(page, "no account here belongs to visitor@elsewhere.test");
    assert.equal(await page.getByRole("button", { name: "Log out" }).count(), 0);
  });
});

test("what came back is good once, and only in the window that began", () =>
  inWindow(async (page, context) => {
    let brought = "";
    page.on("request", (request) => {
      if (request.url().startsWith(`${school.base}/signed-in?`)) brought = request.url();
    });
    await page.goto(school.base);
    await begin(page);
    await logInAtProvider(page, provider.issuer, "okafor");
    await inside(page);
    assert.match(brought, /[?&]code=.*[?&]state=/);
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    await page.goto(brought);
    await problem(page, "was not begun in this window");
    // Somebody sends their own link, not used yet, to another: it logs nobody in
    // as them. (The provider knows them already and asks nothing.)
    brought = "";
    await context.route("**/directory/finish", (route) => route.abort());
    await page.goto(school.base);
    await begin(page);
    await problem(page, "cannot be reached");
    await inWindow(async (other) => {
      await other.goto(brought);
      await problem(other, "was not begun in this window");
      assert.equal(await other.getByRole("button", { name: "Log out" }).count(), 0);
    });
  }));

test("where to go afterwards cannot be another site", () =>
  inWindow(async (page) => {
    await page.goto(school.base);
    await page.evaluate(() => sessionStorage.setItem("schoolgate.after-log-in", "//evil.test/"));
    await page.goto(`${school.base}/signed-in?code=x&state=y&next=https://evil.test/`);
    await problem(page, "was not begun in this window");
    assert.equal(page.url(), `${school.base}/`);
  }));

test("an answer in another provider’s name is refused", () =>
  inWindow(async (page, context) => {
    await context.route("**/directory/finish", (route) => {
      const body = route.request().postDataJSON();
      assert.equal(body.iss, provider.issuer);
      return route.continue({ postData: JSON.stringify({ ...body, iss: "https://evil.test" }) });
    });
    await page.goto(school.base);
    await begin(page);
    await logInAtProvider(page, provider.issuer, "patel");
    await problem(page, "could not be trusted");
  }));

test("with an authenticator the school account alone opens nothing", () =>
  inWindow(async (page) => {
    await page.goto(`${school.base}/password`);
    await page.getByLabel("User name").fill("deputy");
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Log in", exact: true }).click();
    await page.getByRole("button", { name: "Add an authenticator" }).click();
    const key = (await page.locator(".hash").innerText()).replace(/\s/g, "");
    await page.getByLabel("Code that it shows now").fill(codeNow(key));
    await page.getByRole("button", { name: "Confirm" }).click();
    await page.locator(".codes").waitFor();
    const recovery = await page.locator(".codes li").first().innerText();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    await begin(page);
    await logInAtProvider(page, provider.issuer, "jones");
    const code = page.getByLabel("Code");
    await code.fill("000000");
    await page.getByRole("button", { name: "Log in", exact: true }).click();
    await problem(page, "not a code that is good now");
    assert.equal(await page.getByRole("button", { name: "Log out" }).count(), 0);
    await code.fill(recovery);
    await page.getByRole("button", { name: "Log in", exact: true }).click();
    await inside(page);
  }));

test("who looks at the record sees how people came in", () =>
  inWindow(async (page) => {
    await page.goto(`${school.base}/audit`);
    await begin(page);
    await logInAtProvider(page, provider.issuer, "okafor");
    await page.getByText("Logged in with their school account").first().waitFor();
    await page.getByText("Bound to their school account").first().waitFor();
  }));

for (const colorScheme of ["light", "dark"]) {
  test(`the page of both ways is accessible in ${colorScheme} colours`, () =>
    inWindow(async (page) => {
      await page.goto(school.base);
      await page.getByRole("button", { name: "Log in with your school account" }).waitFor();
      await accessible(page, "log-in");
    }, { colorScheme, bypassCSP: true }));
}

test("while the directory is away the page says so and passwords work", async () => {
  await provider.stop();
  await school.tell("restart");
  try {
    await inWindow(async (page) => {
      await page.goto(school.base);
      await begin(page);
      await problem(page, "does not answer at the moment");
      await page.getByLabel("User name").fill("lead");
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: "Log in", exact: true }).click();
      await inside(page);
    });
  } finally {
    provider = await startProvider(options);
  }
});
