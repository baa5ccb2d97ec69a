// Two small comforts. Every page works without them.

// Copy buttons: shown only where they can do something. Parts of a page may come in anew ("renewed").
function offerCopies() {
  if (!navigator.clipboard) return; // plain http: the address can be marked by hand
  for (const button of document.querySelectorAll("[data-copy][hidden]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const before = button.innerHTML;
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = "Kopierad";
      } catch {
        button.textContent = "Markera och kopiera själv";
      }
      button.focus();
      setTimeout(() => { button.innerHTML = before; }, 3000);
    });
  }
}
offerCopies();
document.addEventListener("renewed", offerCopies);

// Info screens: the next message replaces this one only once it has arrived, so a screen outlives a stopped server.
async function turn() {
  const main = document.querySelector("[data-following]");
  if (!main) return;
  let wait = Number(main.dataset.seconds);
  try {
    const answer = await fetch(main.dataset.following);
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-following]");
      const styles = (found) => [...found.querySelectorAll("link[rel=stylesheet]")].map((each) => each.href).join();
      if (styles(page) !== styles(document)) return location.reload();
      if (fresh) {
        document.title = page.title;
        main.replaceWith(document.adoptNode(fresh));
        wait = Number(fresh.dataset.seconds);
      }
    }
  } catch {
    wait = 15; // no network just now: what is shown stays
  }
  setTimeout(turn, wait * 1000);
}
const shown = document.querySelector("[data-following]");
if (shown) setTimeout(turn, Number(shown.dataset.seconds) * 1000);
