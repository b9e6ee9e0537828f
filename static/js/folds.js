// Groups of rows that can be folded: a button says so by aria-expanded, the style sheet hides what is folded. Which ones
// are is remembered in this browser. Enter and Space do it as of any button, the arrow keys as in a tree.

const KEPT = "positions.folded";
const toggles = () => [...document.querySelectorAll("[data-toggles]")];
const isOpen = (button) => button.getAttribute("aria-expanded") !== "false";

function read() {
  try {
    return new Set(JSON.parse(localStorage.getItem(KEPT) ?? "[]"));
  } catch {
    return new Set(); // Storage is blocked, or holds something else.
  }
}

function remember(folded) {
  try {
    localStorage.setItem(KEPT, JSON.stringify([...folded]));
  } catch {
    // It holds for this page.
  }
}

let folded = new Set();

function set(button, open) {
  button.setAttribute("aria-expanded", String(open));
  folded[open ? "delete" : "add"](button.dataset.toggles);
}

// Groups that have come since: as they were left.
function dress() {
  for (const button of toggles()) {
    if (!button.hasAttribute("aria-expanded")) {
      button.setAttribute("aria-expanded", String(!folded.has(button.dataset.toggles)));
    }
  }
}

function clicked(event) {
  const button = event.target.closest("[data-toggles]");
  const all = event.target.closest("[data-toggle-all]");
  if (button) set(button, !isOpen(button));
  if (all) for (const each of toggles()) set(each, all.dataset.toggleAll === "true");
  if (button || all) remember(folded);
}

function pressed(event) {
  const button = event.target.closest("[data-toggles]");
  if (!button || !["ArrowLeft", "ArrowRight"].includes(event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  set(button, event.key === "ArrowRight");
  remember(folded);
}

export function keepFolds() {
  folded = read();
  dress();
  const root = document.getElementById("portfolio");
  if (root) new MutationObserver(dress).observe(root, { childList: true, subtree: true });
  document.addEventListener("click", clicked);
  document.addEventListener("keydown", pressed);
}
