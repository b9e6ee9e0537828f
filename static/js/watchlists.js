// A watchlist: the change of each row live, rows moved and removed in place by their buttons or by dragging.

import { div, format, sign, sub } from "./decimal.js";
import { live } from "./live.js";
import { toast } from "./toast.js";

const table = document.getElementById("watchlist");
const told = document.getElementById("watchlist-told");
const rows = () => [...table.querySelectorAll("tbody > tr[data-row]")];
const nameOf = (row) => row.querySelector("th").textContent.trim();
let dragged = null;
let before = [];

// Change since the close before, worked out exactly

function showChange(symbol, quote) {
  if (quote.last == null || !quote.prev_close) return;
  const change = sub(quote.last, quote.prev_close);
  const share = div(change, quote.prev_close, 8);
  const trend = ["down", "", "up"][sign(change) + 1];
  for (const row of rows().filter((one) => one.dataset.symbol === symbol)) {
    write(row.querySelector("[data-change]"), `${sign(change) > 0 ? "+" : ""}${format.price(change)}`, trend);
    write(row.querySelector("[data-share]"), format.percent_gain(share, 2), trend);
  }
}

function write(cell, text, trend) {
  if (cell.textContent !== text) cell.textContent = text;
  const className = ["num", "public", trend].filter(Boolean).join(" ");
  if (cell.className !== className) cell.className = className;
}

// Order

function say(words) {
  told.textContent = words;
}

// Ends can't be passed; the buttons say so.
function freshenButtons() {
  const all = rows();
  all.forEach((row, index) => {
    const [up, down] = [row.querySelector('[value="up"]'), row.querySelector('[value="down"]')];
    if (up) up.disabled = index === 0;
    if (down) down.disabled = index === all.length - 1;
  });
}

async function act(event) {
  const form = event.target.closest("form");
  const button = event.submitter;
  const row = form?.closest("tr[data-row]");
  if (!row || !["up", "down", "remove"].includes(button?.value)) return;
  event.preventDefault();
  const given = new FormData(form, button); // before the row moves: a button that is disabled then has no value
  const undo = inPlace(row, button.value);
  try {
    const answer = await fetch(form.action, { method: "POST", body: given, credentials: "same-origin" });
    if (!answer.ok) throw new Error();
  } catch {
    undo();
    toast("The desk can't be reached: the list is as it was.", { kind: "bad" });
  }
}

// Done at once on the page; answers how to take it back.
function inPlace(row, what) {
  const next = row.nextElementSibling;
  const body = row.parentElement;
  const undo = () => {
    body.insertBefore(row, next);
    after();
  };
  if (what === "remove") {
    (next ?? row.previousElementSibling)?.querySelector('[value="remove"]')?.focus();
    row.remove();
    say(`${nameOf(row)} removed.`);
  } else {
    if (what === "up") row.previousElementSibling?.before(row);
    else next?.after(row);
    say(`${nameOf(row)} is number ${rows().indexOf(row) + 1} of ${rows().length}.`);
  }
  after();
  const button = row.querySelector(`[value="${what}"]`);
  if (what !== "remove") (button.disabled ? row.querySelector("button:not(:disabled)") : button)?.focus();
  return undo;
}

function after() {
  freshenButtons();
  live.rescan();
}

// Dragging, as an extra to the buttons

function dragStart(event) {
  dragged = event.target.closest?.("tr[data-row]");
  before = rows();
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.dataset.symbol);
  dragged.classList.add("dragged");
}

function dragOver(event) {
  const over = event.target.closest?.("tr[data-row]");
  if (!dragged || !over) return;
  event.preventDefault();
  if (over === dragged) return;
  const { top, height } = over.getBoundingClientRect();
  if (event.clientY < top + height / 2) over.before(dragged);
  else over.after(dragged);
}

async function dragEnd() {
  dragged.classList.remove("dragged");
  const moved = dragged;
  dragged = null;
  freshenButtons();
  if (rows().every((row, index) => row === before[index])) return;
  say(`${nameOf(moved)} is number ${rows().indexOf(moved) + 1} of ${rows().length}.`);
  if (!(await put())) {
    table.tBodies[0].append(...before);
    freshenButtons();
    toast("The order could not be kept: the list is as it was.", { kind: "bad" });
  }
}

async function put() {
  const symbols = rows().map((row) => row.dataset.symbol);
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  try {
    const answer = await fetch(table.dataset.list, {
      method: "PUT",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: JSON.stringify({ name: table.dataset.name, symbols }),
    });
    return answer.ok;
  } catch {
    return false;
  }
}

document.querySelector(".list-choice [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
if (table) {
  live.onQuote((connection, symbol, quote) => showChange(symbol, quote));
  table.addEventListener("submit", act);
  table.addEventListener("dragstart", dragStart);
  table.addEventListener("dragover", dragOver);
  table.addEventListener("drop", (event) => event.preventDefault());
  table.addEventListener("dragend", dragEnd);
}
