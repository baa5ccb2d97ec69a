// Asks before the page is left with something written and not saved. `data-unsaved`: it came so from the server.
const form = document.getElementById("mall");
let isUnsaved = "unsaved" in form.dataset;
form.addEventListener("input", () => { isUnsaved = true; });
form.addEventListener("submit", () => { isUnsaved = false; });
addEventListener("beforeunload", (event) => {
  if (isUnsaved) event.preventDefault();
});
// Back from the next page, the browser may show this one as it was left.
addEventListener("pageshow", (event) => {
  if (event.persisted) isUnsaved = true;
});
