// Meetings, reviews, the list of computers and the reports that go with them,
// as a safety lead, a head and an IT provider meet them; and their PDF.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accessible, startBrowser } from "./browser.mjs";
import { logIn, openWindow, startSchool } from "./school.mjs";

let school;
let browser;
before(async () => {
  school = await startSchool("--policy", process.env.POLICY);
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await school?.stop();
});

async function as(name, path, look, options = {}) {
  const { context, page, troubles } = await openWindow(browser, school, options);
  page.setDefaultTimeout(15_000);
  try {
    await logIn(page, school, name, path);
    await page.locator(".loading").waitFor({ state: "detached" });
    await look(page);
    assert.deepEqual(troubles, []);
  } finally {
    await context.close();
  }
}

async function write(page, kind, words) {
  await page.getByLabel("What was it?").selectOption(kind);
  await page.getByLabel("Who took part?").fill("Lead, head, provider");
  await page.getByLabel("What was looked at and decided?").fill(words);
  await page.getByRole("button", { name: "Keep the record" }).click();
}

test("what is due is said, and a meeting is kept with its figures", () =>
  as("lead", "/reviews", async (page) => {
    await page.getByRole("link", { name: "Reviews (3 due)" }).waitFor();
    await page.getByText("Due", { exact: true }).nth(2).waitFor();
    assert.equal(await page.getByText("Due", { exact: true }).count(), 3);
    await page.getByRole("button", { name: "Keep the record" }).click();
    await page.getByRole("alert").getByText("Enter who took part").waitFor();
    await write(page, "meeting", "Laptop-02 is in repair; two hosts were opened.");
    const kept = page.locator("[data-review=meeting]");
    await kept.getByText("Meeting, ").click();
    await kept.getByText("Laptop-02 is in repair").waitFor();
    await kept.getByRole("heading", { name: "Devices now" }).waitFor();
    await page.reload();
    await page.getByRole("link", { name: "Reviews (2 due)" }).waitFor();
    await page.getByRole("heading", { name: "How soon they were closed" }).first().waitFor();
  }));

test("the provider and the governor read the minutes, and no figures about people", async () => {
  for (const name of ["it", "governor"]) {
    await as(name, "/reviews", async (page) => {
      await page.locator("[data-review=meeting] summary").click();
      await page.getByText("Laptop-02 is in repair").waitFor();
      const all = await page.locator("main").innerText();
      assert.match(all, /Devices now/);
      assert.doesNotMatch(all, /How soon they were closed|How often alerts were right|Alerts since the last meeting/);
      assert.equal(await page.getByRole("button", { name: "Keep the record" }).count(), 0);
    });
  }
});

test("the yearly review is signed by a second person, and the file shows any change", async () => {
  await as("lead", "/reviews", async (page) => {
    await write(page, "provision", "The filter was tested at home and at school; it held.");
    await page.locator("[data-review=provision] summary").click();
    await page.getByText("Somebody else has to read it and sign it.").waitFor();
  });
  await as("head", "/reviews", async (page) => {
    await page.locator("[data-review=provision] summary").click();
    await page.getByRole("button", { name: "I have read it and sign it" }).click();
    const saving = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save the signed record" }).click();
    const file = join(school.directory, "review.pack");
    await (await saving).saveAs(file);
    const verify = () => execFileSync(process.env.COLLECTOR, ["verify", file], { encoding: "utf8", stdio: "pipe" });
    assert.match(verify(), /whole: 3 records/);
    const text = await readFile(file, "utf8");
    assert.ok(text.includes("it held"));
    await writeFile(file, text.replace("it held", "it fell"));
    assert.throws(verify);
  });
});

test("the school's list of computers shows which are not protected", () =>
  as("lead", "/devices", async (page) => {
    const choose = (text) => page.getByLabel("Inventory as a CSV file")
      .setInputFiles({ name: "computers.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
    await choose("room,price\nhall,300\n");
    await page.getByRole("alert").getByText("no column is called").waitFor();
    await choose("Asset tag,Computer name\nOAK-101,laptop-01\nOAK-102,laptop-02\nOAK-150,laptop-50\n");
    const found = page.locator("[data-inventory]");
    await found.getByRole("heading", { name: "Not protected: on the list, not here (1)" }).waitFor();
    await found.getByText("laptop-50, OAK-150").waitFor();
    await found.getByText("2 of 3 computers on the list are here").waitFor();
    await page.reload();
    await found.getByText("laptop-50, OAK-150").waitFor();
  }));

test("the reports on devices and on the policy's effect are for those whom they concern", async () => {
  await as("it", "/reports", async (page) => {
    await page.getByRole("heading", { name: "Health of the devices" }).waitFor();
    assert.deepEqual(await page.getByLabel("What").locator("option").allInnerTexts(), ["Health of the devices"]);
    await page.getByRole("heading", { name: "Devices that need attention" }).waitFor();
  });
  await as("lead", "/reports", async (page) => {
    await page.getByLabel("What").selectOption("effect");
    await page.getByRole("heading", { name: /does the policy work/ }).waitFor();
    await page.getByRole("heading", { name: "What people asked for, and what lessons missed" }).waitFor();
    await accessible(page, "effect");
  });
  await as("governor", "/reports", async (page) => {
    await page.getByLabel("What").waitFor();
    assert.deepEqual(await page.getByLabel("What").locator("option").allInnerTexts(), ["For governors", "Trends", "Changes"]);
    await page.getByLabel("What").selectOption("changes");
    await page.getByRole("heading", { name: /Online safety: changes/ }).waitFor();
    await accessible(page, "changes");
  });
});

test("the data protection sheet has every field that can leave a device, and the policy as it runs", () =>
  as("lead", "/set-up", async (page) => {
    await page.locator("[data-fields]").first().waitFor();
    const listed = await page.locator("[data-fields] tbody tr").count();
    const known = (await readFile(process.env.FIELDS, "utf8")).split("\n").filter((line) => line.startsWith("| `"));
    assert.ok(known.length > 100);
    assert.equal(listed, known.length);
    await page.getByText("Contact.host", { exact: true }).waitFor();
    await page.getByText("gambling").first().waitFor();
    await page.getByText(/Contacts after \d+ days/).waitFor();
  }));

for (const colorScheme of ["light", "dark"]) {
  test(`meetings, devices and the sheet have no serious accessibility fault in ${colorScheme} colours`, async () => {
    for (const path of ["/reviews", "/devices", "/set-up"]) {
      await as("lead", path, async (page) => {
        if (path === "/reviews") await page.locator("[data-review=provision] summary").click();
        if (path === "/devices") await page.locator("[data-inventory]").waitFor();
        if (path === "/set-up") await page.locator("[data-fields]").first().waitFor();
        await accessible(page, path);
      }, { colorScheme, bypassCSP: true });
    }
  });
}

// What the browser prints is what is kept and handed round: black on white
// whatever the screen has, without what only a screen needs, and in grey.
test("reports, the sheet and a meeting become a PDF that reads in grey", () =>
  as("lead", "/reports", async (page) => {
    for (const [path, heading] of [["/reports", "report to leaders"], ["/reviews", "What to look at"], ["/set-up", "Data protection sheet"]]) {
      await page.goto(school.base + path);
      await page.getByRole("heading", { name: heading }).waitFor();
      if (path === "/set-up") await page.locator("[data-fields]").first().waitFor();
      const pdf = await page.pdf({ format: "A4", printBackground: false });
      assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
      const sheets = (pdf.toString("latin1").match(/\/Type\s*\/Page\b/g) ?? []).length;
      assert.ok(sheets >= 1 && sheets <= 20, `${path}: ${sheets} pages`);
      if (process.env.PDF_OUTPUT) await writeFile(join(process.env.PDF_OUTPUT, `${path.slice(1)}.pdf`), pdf);
      await page.emulateMedia({ media: "print" });
      for (const hidden of [page.locator("header"), page.locator("footer"), page.locator("main button")]) {
        for (const one of await hidden.all()) assert.equal(await one.isVisible(), false, `${path}: shown on paper`);
      }
      const paper = await page.evaluate(() => {
        // Luminance of a colour, as a grey printer has it.
        const grey = (colour) => {
          const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
          return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
        };
        const bars = [...document.querySelectorAll("rect.bar")].map((bar) => grey(getComputedStyle(bar).fill));
        const words = [...document.querySelectorAll("main h1, main h2, main td, main dd, main p")]
          .filter((one) => one.checkVisibility()).map((one) => grey(getComputedStyle(one).color));
        return { darkest: Math.max(...bars, 0), words: Math.max(...words), wide: document.documentElement.scrollWidth };
      });
      assert.ok(paper.words < 0.45, `${path}: words of grey ${paper.words}`);
      assert.ok(paper.darkest < 0.6, `${path}: bars of grey ${paper.darkest}`);
      await page.emulateMedia({ media: null });
    }
  }, { colorScheme: "dark" }));
