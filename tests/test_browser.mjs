// Opens pages in headless Chromium and tells, as JSON, what a test needs to know of each. Started by test_browser.py:
//   node test_browser.mjs '[{"url": …, "width": …, "height": …, "scheme": "dark", "picture": "x.png"}]'
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
const results = [];
for (const wanted of JSON.parse(process.argv[2])) {
  const context = await browser.newContext({
    viewport: { width: wanted.width, height: wanted.height },
    colorScheme: wanted.scheme ?? "light",
    javaScriptEnabled: wanted.script ?? true,
    bypassCSP: false,
  });
  const page = await context.newPage();
  const own = new URL(wanted.url).origin;
  const seen = { errors: [], foreign: [] };
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("request", (request) => new URL(request.url()).origin !== own && seen.foreign.push(request.url()));
  const response = await page.goto(wanted.url, { waitUntil: "load" });
  if (wanted.picture) await page.screenshot({ path: wanted.picture, fullPage: wanted.full ?? false });
  const result = { url: wanted.url, status: response.status(), ...seen };
  if (wanted.script ?? true) {
    if (wanted.click) await page.click(wanted.click);
    // Playwright's evaluate is not held back by the page's policy, so axe needs no exception from it.
    await page.evaluate(axe);
    const found = await page.evaluate((tags) => globalThis.axe.run({ runOnly: tags }), TAGS);
    result.violations = found.violations.map((item) => `${item.id}: ${item.nodes.map((node) => node.target).join(" ")}`);
    result.passes = found.passes.length;
    result.overflow = await page.evaluate(() => ({
      x: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      y: document.documentElement.scrollHeight - document.documentElement.clientHeight,
      // Texts that stick out of a box which cuts them off.
      cut: [...document.querySelectorAll(".screen-text, .screen-foot")].filter(
        (box) => box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1,
      ).length,
    }));
    await page.keyboard.press("Tab");
    result.focused = await page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");
  }
  results.push(result);
  await context.close();
}
await browser.close();
process.stdout.write(JSON.stringify(results));
