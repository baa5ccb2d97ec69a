// Opens pages in headless Chromium, each wide and narrow, light and dark, and tells as JSON what a test needs to know.
//   node rooms.mjs < '{"base": …, "cookie": {"name": …, "value": …}, "folder": …, "pages": ["/kommun/aneby/idag", …],
//                       "open": ["/logga-in", …]}'
// Those in `open` are visited by somebody who is not signed in.
// The HTML as it was served is left in `folder`, for the validator.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];
const VIEWS = [
  { width: 1280, height: 900, scheme: "light" }, { width: 1280, height: 900, scheme: "dark" },
  { width: 320, height: 800, scheme: "dark" }, { width: 320, height: 800, scheme: "light" },
];
const wanted = JSON.parse(readFileSync(0, "utf-8"));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
const paths = [...wanted.pages, ...wanted.open];
const queue = paths.map((path, number) => ({ path, number, isOpen: number >= wanted.pages.length }));
const results = [];

async function visit(context, { path, number }) {
  const page = await context.newPage();
  const seen = { path, errors: [], foreign: [], violations: [], overflow: [], bytes: 0, passes: Infinity };
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (!["data:", "about:", "blob:"].includes(url.protocol) && url.origin !== wanted.base) seen.foreign.push(request.url());
  });
  const sizes = [];
  page.on("response", (response) => {
    if (response.request().resourceType() !== "image") sizes.push(response.request().sizes().then((size) => size.responseBodySize, () => 0));
  });
  const response = await page.goto(wanted.base + path, { waitUntil: "load" });
  seen.status = response.status();
  seen.landed = new URL(page.url()).pathname;
  writeFileSync(`${wanted.folder}/${String(number).padStart(3, "0")}.html`, await response.body());
  await page.evaluate(axe);
  for (const view of VIEWS) {
    await page.setViewportSize({ width: view.width, height: view.height });
    await page.emulateMedia({ colorScheme: view.scheme });
    const found = await page.evaluate((tags) => globalThis.axe.run({ runOnly: tags }), TAGS);
    for (const item of found.violations) {
      seen.violations.push(`${view.width} ${view.scheme} ${item.id}: ${item.nodes.slice(0, 3).map((node) => node.target).join(" ; ")}`);
    }
    seen.passes = Math.min(seen.passes, found.passes.length);
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (sideways > 0) seen.overflow.push(`${view.width}: ${sideways} px`);
  }
  seen.bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  results.push(seen);
  await page.close();
}

async function work() {
  const [signedIn, stranger] = [await browser.newContext(), await browser.newContext()];
  await signedIn.addCookies([{ ...wanted.cookie, url: wanted.base }]);
  for (let next = queue.shift(); next; next = queue.shift()) await visit(next.isOpen ? stranger : signedIn, next);
  await Promise.all([signedIn.close(), stranger.close()]);
}

await Promise.all([work(), work()]);
await browser.close();
results.sort((one, other) => paths.indexOf(one.path) - paths.indexOf(other.path));
process.stdout.write(JSON.stringify(results));
