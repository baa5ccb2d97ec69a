// Single keys that lead to the pages used most. They do nothing while something is being written, and each person can
// turn them off under Inställningar (WCAG 2.1.4): then this file is not fetched.
const ways = new Map(
  [...document.querySelectorAll("[aria-keyshortcuts]")].map((link) => [link.getAttribute("aria-keyshortcuts"), link]),
);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return;
  const way = ways.get(event.key);
  if (!way) return;
  event.preventDefault();
  way.click();
});
