// The search box over every page: `/` and Ctrl-K find, `?` lists the keys. Loaded by the page only.

import { Shortcuts } from "./shortcuts.js";

const WAIT_BEFORE_ASKING = 120;

const finder = document.getElementById("finder");
const box = document.getElementById("finder-box");
const list = document.getElementById("finder-list");
const words = document.getElementById("finder-words");
const shortcuts = document.getElementById("shortcuts");
const form = finder?.querySelector("form");
const keys = shortcuts && new Shortcuts(shortcuts, { "/": ["Find a symbol", open] });
let asking = null;
let timer = null;
let chosen = -1;
let shown = "";

// The box

function open() {
  if (finder.open) return;
  keys.close();
  finder.showModal();
  box.value = "";
  box.focus();
  ask("");
}

async function ask(text) {
  asking?.abort();
  asking = new AbortController();
  const address = new URL(form.action);
  address.searchParams.set("q", text);
  const account = new URLSearchParams(location.search).get("account");
  if (account) address.searchParams.set("account", account);
  try {
    const headers = { Accept: "application/json" };
    const answer = await fetch(address, { headers, credentials: "same-origin", signal: asking.signal });
    if (!answer.ok) throw new Error();
    show(text, await answer.json());
  } catch (error) {
    if (error.name !== "AbortError") words.textContent = "The desk can't be reached. Try again.";
  }
}

function show(text, { results, problem }) {
  shown = text;
  list.replaceChildren(...results.map(option));
  choose(text && results.length ? 0 : -1);
  box.setAttribute("aria-expanded", String(results.length > 0));
  const count = results.length === 1 ? "1 symbol" : `${results.length} symbols`;
  const found = text ? `${count} found.` : results.length ? "Looked at last." : "Write the beginning of a symbol or name.";
  const none = `Nothing is called ${text}. An index is written $SPX, a future /ESZ26, a pair BTC/USD.`;
  words.textContent = problem || (text && !results.length ? none : found);
}

function option(line, index) {
  const item = document.createElement("li");
  item.id = `finder-${index}`;
  item.role = "option";
  item.dataset.href = line.href;
  const name = document.createElement("strong");
  name.textContent = line.words;
  const more = document.createElement("span");
  more.className = "muted";
  more.textContent = line.description + (line.kind === "recent" ? " · recent" : "");
  item.append(name, more);
  return item;
}

function choose(index) {
  chosen = index;
  [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
  const item = list.children[index];
  if (item) box.setAttribute("aria-activedescendant", item.id);
  else box.removeAttribute("aria-activedescendant");
  item?.scrollIntoView({ block: "nearest" });
}

function typed() {
  clearTimeout(timer);
  timer = setTimeout(() => ask(box.value.trim()), WAIT_BEFORE_ASKING);
}

function boxKey(event) {
  const count = list.children.length;
  if (event.key === "ArrowDown" && count) choose((chosen + 1) % count);
  else if (event.key === "ArrowUp" && count) choose((chosen - 1 + count) % count);
  else return;
  event.preventDefault();
}

// Enter opens what is chosen, if it is of what stands in the box; else the desk looks at what was typed.
function submit(event) {
  const item = list.children[chosen];
  if (!item || (box.value.trim() !== shown && box.value)) return;
  event.preventDefault();
  location.assign(item.dataset.href);
}

// Keys

const isTyping = (target) => target.closest?.("input, select, textarea, [contenteditable], [role=application], [role=grid]");

function pageKey(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && !event.altKey) {
    event.preventDefault();
    open();
    return;
  }
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (!isPlain || !keys.isOn || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (keys.press(event.key)) event.preventDefault();
}

if (finder) {
  document.getElementById("finder-form").addEventListener("submit", (event) => {
    if (event.submitter?.id !== "finder-open") return;
    event.preventDefault();
    open();
  });
  box.addEventListener("input", typed);
  box.addEventListener("keydown", boxKey);
  form.addEventListener("submit", submit);
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[data-href]");
    if (item) location.assign(item.dataset.href);
  });
  for (const dialog of [finder, shortcuts]) {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
    });
  }
  document.getElementById("shortcuts-open")?.addEventListener("click", () => keys.open());
  document.addEventListener("keydown", pageKey);
}
