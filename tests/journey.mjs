// Walks from signing in to ”publicerad” as one person would: by keyboard alone, on a phone, or without JavaScript.
//   node journey.mjs < '{"base": …, "way": "keyboard" | "phone" | "plain", "post": …, "text": …, "people": [{…}, {…}]}'
// Prints what was seen as JSON. Whatever is not found within its time ends the journey with an error.
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
const isPhone = wanted.way === "phone";
const isKeyboard = wanted.way === "keyboard";
const context = await browser.newContext({
  viewport: isPhone ? { width: 390, height: 844 } : { width: 1280, height: 900 },
  hasTouch: isPhone,
  isMobile: isPhone,
  javaScriptEnabled: wanted.way !== "plain",
});
const page = await context.newPage();
page.setDefaultTimeout(20_000);
const seen = { errors: [], foreign: [], unseenFocus: [], sideways: [], pages: [] };
page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
page.on("pageerror", (error) => seen.errors.push(String(error)));
page.on("request", (request) => !request.url().startsWith(wanted.base) && seen.foreign.push(request.url()));

/** Moves the focus with Tab alone until it stands on `target`, and notes where it cannot be seen. */
async function tabTo(target) {
  const handle = await target.elementHandle();
  for (let presses = 0; presses < 400; presses += 1) {
    await page.keyboard.press("Tab");
    const stands = await handle.evaluate((element) => {
      if (element !== document.activeElement) return null;
      const style = getComputedStyle(element);
      return { isSeen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, name: element.outerHTML.slice(0, 90) };
    });
    if (stands) {
      if (!stands.isSeen) seen.unseenFocus.push(stands.name);
      return;
    }
  }
  throw new Error(`the keyboard never reached ${target}`);
}

async function arrive() {
  await page.waitForLoadState("load");
  seen.pages.push(new URL(page.url()).pathname);
  if (wanted.way === "plain") return;
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (sideways > 0) seen.sideways.push(`${page.url()}: ${sideways}`);
}

/** Uses a link or a button, and waits for the page that it leads to. */
async function use(target) {
  const before = page.waitForEvent("framenavigated", (frame) => frame === page.mainFrame());
  if (isKeyboard) {
    await tabTo(target);
    await page.keyboard.press("Enter");
  } else if (isPhone) {
    await target.tap();
  } else {
    await target.click();
  }
  await before;
  await arrive();
}

async function write(label, text) {
  const field = page.getByLabel(label, { exact: true });
  if (isKeyboard) {
    await tabTo(field);
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type(text);
  } else {
    await field.fill(text);
  }
}

const link = (name) => page.getByRole("link", { name, exact: typeof name === "string" }).first();
const button = (name) => page.getByRole("button", { name }).first();
const menu = (name) => page.getByRole("navigation", { name: "Sidor" }).getByRole("link", { name, exact: true });

async function signIn({ email, password }) {
  await page.goto(`${wanted.base}/logga-in`);
  await write("E-postadress", email);
  await write("Lösenord", password);
  await use(button("Logga in"));
}

const [editor, officer] = wanted.people;
await signIn(editor);
await use(menu("Mallar"));
await use(page.locator(`a[href$="/mallar/${wanted.post}"]`).first());
await write("Kort text", wanted.text);
await use(button("Spara ny version"));
await use(link(/^Granska och godkänn/));
await use(button(/^Godkänn för /));
await use(button("Logga ut"));
await signIn(officer);
await use(menu("Granska"));
await use(page.locator(`a[href$="/granska/${wanted.post}"]`).first());
seen.shown = await page.locator("main").innerText();
await use(button(/^Godkänn för /));
await use(menu("Kö"));
await use(link(/^Publicerat/));
for (let tries = 0; tries < 60; tries += 1) {
  seen.queue = await page.locator("main").innerText();
  if (seen.queue.includes("Publicerad")) break;
  await page.waitForTimeout(500);
  await page.reload();
}
await browser.close();
process.stdout.write(JSON.stringify(seen));
