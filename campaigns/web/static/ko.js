// Follows what is under way: fetches the page again and changes the one part that lives. Seldomer and seldomer, only
// while somebody can see it, and never under somebody's hands. Without it there is the link that reads the page again.
const FIRST = 2000;
const LONGEST = 60000;
let wait = FIRST;
let isLeaving = false;

const living = () => document.querySelector("[data-live]");
const isUnderWay = () => living()?.hasAttribute("data-under-way");

function isInUse(node) {
  const typed = [...node.querySelectorAll("input:not([type=hidden]), textarea:not([readonly])")];
  return node.contains(document.activeElement) || typed.some((field) => field.value !== field.defaultValue);
}

async function follow() {
  const node = living();
  if (!node || isLeaving || !isUnderWay()) return;
  if (document.visibilityState !== "visible" || isInUse(node)) return later();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected || !answer.ok) return; // signed out, or gone: the page that is shown stays
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
    if (!fresh || isLeaving) return;
    if (!isInUse(node) && fresh.innerHTML !== node.innerHTML) {
      node.replaceWith(document.adoptNode(fresh));
      const said = document.querySelector("[data-said]");
      if (said && fresh.dataset.summary !== node.dataset.summary) said.textContent = fresh.dataset.summary;
      wait = FIRST;
    } else {
      node.toggleAttribute("data-under-way", fresh.hasAttribute("data-under-way"));
    }
  } catch {
    // no network just now: what is shown stays
  }
  later();
}

function later() {
  setTimeout(follow, wait);
  wait = Math.min(wait * 1.5, LONGEST);
}

addEventListener("submit", () => { isLeaving = true; });
if (isUnderWay()) later();
