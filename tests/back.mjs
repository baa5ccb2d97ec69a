// Reads a private page, signs out, and goes back: what does the browser show then?
//   node back.mjs < '{"base": …, "path": "/kommun/aneby/logg", "cookie": {"name": …, "value": …}}'
// Prints what stood there before, and what stands there after, as JSON.
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const wanted = JSON.parse(readFileSync(0, "utf-8"));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
});
const context = await browser.newContext();
await context.addCookies([{ ...wanted.cookie, url: wanted.base }]);
const page = await context.newPage();
page.setDefaultTimeout(20_000);
await page.goto(wanted.base + wanted.path);
const before = await page.locator("main").innerText();
await page.getByRole("button", { name: "Logga ut" }).click();
await page.waitForURL("**/logga-in");
await page.goBack();
const after = await page.locator("main").innerText();
const landed = new URL(page.url()).pathname;
await browser.close();
process.stdout.write(JSON.stringify({ before, after, landed }));
