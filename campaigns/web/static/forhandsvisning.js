// The editor of a text: its preview follows the typing, and placeholders go in at the cursor. It works without this.
const form = document.getElementById("mall");
const PAUSE = 300; // ms without typing before the preview is asked for

// The preview. The server renders it; an answer that has been overtaken by more typing is thrown away.
let waiting, asked;
async function show() {
  asked?.abort();
  asked = new AbortController();
  const data = new FormData(form);
  data.delete("fil");
  try {
    const answer = await fetch(form.dataset.preview, { method: "POST", body: data, signal: asked.signal });
    if (!answer.ok) return; // what is shown stays; the button tells what is wrong
    put(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch (error) {
    if (error.name !== "AbortError") return; // no network just now: what is shown stays
  }
}

// Only what has changed is replaced, so that a reader is told of that alone and nothing jumps.
const seen = new Map();
function put(page) {
  const focused = document.activeElement;
  const isStopped = page.querySelector(".stops") !== null; // half a placeholder, say: the last whole looks stay
  for (const fresh of page.querySelectorAll("[data-byt]")) {
    const old = document.getElementById(fresh.id);
    if (!old || seen.get(fresh.id) === fresh.outerHTML || (isStopped && old.matches(".look"))) continue;
    seen.set(fresh.id, fresh.outerHTML);
    const kept = old.contains(focused) ? focused.value : "";
    old.className = fresh.className;
    if (old.textContent === fresh.textContent && old.matches(".counter")) continue;
    old.replaceChildren(...document.adoptNode(fresh).childNodes);
    if (kept) [...old.querySelectorAll("button")].find((button) => button.value === kept)?.focus();
  }
  document.dispatchEvent(new Event("renewed"));
}

form.addEventListener("input", (event) => {
  if (event.target.type === "file") return;
  clearTimeout(waiting);
  waiting = setTimeout(show, PAUSE);
});

// Placeholders: into the field where the cursor last stood.
const fields = [...form.querySelectorAll("input[name=rubrik], textarea, input[name=alt], input[name=lank]")];
let last = form.elements.text;
for (const field of fields) field.addEventListener("focus", () => { last = field; });
for (const button of form.querySelectorAll("[data-insert]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    last.focus();
    last.setRangeText(button.dataset.insert, last.selectionStart, last.selectionEnd, "end");
    last.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
