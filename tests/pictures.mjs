// Takes pictures of pages. Started by pictures.py:
//   node pictures.mjs < '{"base": …, "cookie": {…}, "pictures": [{"path": …, "file": …, "width": …, "height": …, "scheme": …}]}'
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const wanted = JSON.parse(readFileSync(0, "utf-8"));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
for (const { path, file, width, height, scheme, full } of wanted.pictures) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  await context.addCookies([{ ...wanted.cookie, url: wanted.base }]);
  const page = await context.newPage();
  await page.goto(wanted.base + path, { waitUntil: "load" });
  await page.screenshot({ path: file, fullPage: full });
  await context.close();
}
await browser.close();
