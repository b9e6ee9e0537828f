// What every page has: theme, hidden amounts, the account switcher, notices, menus. Loaded by the page only, never
// imported: a second copy would listen twice.

const THEMES = ["auto", "light", "dark"];
const THEME_WORDS = { auto: "system", light: "light", dark: "dark" };
const root = document.documentElement;

function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is blocked: the choice holds for this page.
  }
}

function nameTheme(button) {
  const words = `Theme: ${THEME_WORDS[root.dataset.theme]}`;
  button.setAttribute("aria-label", words);
  button.title = words;
}

function themeButton(button) {
  nameTheme(button);
  button.addEventListener("click", () => {
    root.dataset.theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
    keep("theme", root.dataset.theme);
    nameTheme(button);
  });
}

function privacyButton(button) {
  const show = () => button.setAttribute("aria-pressed", String(root.hasAttribute("data-private")));
  show();
  button.addEventListener("click", () => {
    root.toggleAttribute("data-private");
    keep("private", root.hasAttribute("data-private") ? "yes" : "no");
    show();
  });
}

// A select that jumps at each arrow key can't be used by keyboard: then it waits for Enter or for the focus to leave.
function switcher(form) {
  const select = form.querySelector("select");
  const first = select.value;
  let byKeyboard = false;
  const go = () => select.value !== first && form.requestSubmit();
  select.addEventListener("keydown", (event) => {
    byKeyboard = event.key !== "Enter";
    if (event.key === "Enter") go();
  });
  select.addEventListener("pointerdown", () => (byKeyboard = false));
  select.addEventListener("change", () => byKeyboard || go());
  select.addEventListener("blur", () => byKeyboard && go());
}

function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    const escaped = event.type === "keydown" && event.key === "Escape";
    if (escaped && menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    if (escaped || (event.type === "click" && !menu.contains(event.target))) menu.open = false;
  }
}

function dismiss(event) {
  const button = event.target.closest?.("[data-dismiss]");
  if (!button) return;
  button.closest("[data-notice]").remove();
  document.getElementById("content").focus({ preventScroll: true });
}

async function copy(event) {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
  button.textContent = "Copied";
}

const each = (selector, act) => document.querySelectorAll(selector).forEach(act);
each("#theme-toggle", themeButton);
each("#privacy-toggle", privacyButton);
each("form[data-switcher]", switcher);
document.addEventListener("click", closeMenus);
document.addEventListener("keydown", closeMenus);
document.addEventListener("click", dismiss);
document.addEventListener("click", copy);
