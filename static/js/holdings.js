// Holdings on a page: valued anew with each price, fetched anew when the account has changed. A row (tr[data-row])
// carries its figures; [data-total] are sums over the rows of the [data-scope] around them.

import { format, parse, sign } from "./decimal.js";
import { live } from "./live.js";
import { patch } from "./patch.js";
import { addUp, fairPrice, share, size, value } from "./valuation.js";

const FORMATS = {
  mark: format.price,
  value: format.money,
  cost: format.money,
  gain_open: format.gain,
  gain_day: format.gain,
  gain_open_share: format.percent_gain,
  delta: format.delta,
};
const ADDED = ["value", "cost", "gain_open", "gain_day", "delta"];
const SETTLE = 150;
const EVERY = 30_000;
const EVERY_IN_TROUBLE = 10_000;

const root = () => document.getElementById("portfolio");
const rowsIn = (element) => element.querySelectorAll("tr[data-row]");

// The newer of the live price and the one the page came with.
function markOf(row) {
  const { connection, symbol, mark, markedAt } = row.dataset;
  const quote = live.quote(connection, symbol);
  const price = quote && fairPrice(quote);
  const isOlder = quote && markedAt && Date.parse(quote.as_of) < Date.parse(markedAt);
  if (price === null || isOlder) return { mark: parse(mark), at: markedAt };
  return { mark: price, at: quote.as_of };
}

// Of one unit: an option's as it is told, else the one the page came with.
function deltaOf({ dataset: { connection, symbol, delta } }) {
  return live.quote(connection, symbol)?.delta ?? delta;
}

function write(cell, name, figure) {
  const text = FORMATS[name](figure);
  if (cell.textContent.trim() !== text) cell.textContent = text;
  if (!name.startsWith("gain")) return;
  cell.classList.toggle("up", sign(figure) > 0);
  cell.classList.toggle("down", sign(figure) < 0);
}

const valued = new WeakMap();

function valueRow(row) {
  const { mark, at } = markOf(row);
  const figures = value({ ...row.dataset, delta: deltaOf(row) }, mark);
  valued.set(row, { figures, at });
  for (const cell of row.querySelectorAll("[data-figure]")) write(cell, cell.dataset.figure, figures[cell.dataset.figure]);
}

function sumScope(scope) {
  const rows = [...rowsIn(scope)].map((row) => valued.get(row)).filter(Boolean);
  const unknown = Number(scope.dataset.unknown);
  const of = (pick) => addUp(rows.map(({ figures }) => pick(figures)), unknown);
  const sums = Object.fromEntries(ADDED.map((name) => [name, of((figures) => figures[name])]));
  const inPlay = of(({ cost }) => size(cost));
  const isWhole = !sums.gain_open.missing && !inPlay.missing;
  sums.gain_open_share = { amount: isWhole ? share(sums.gain_open.amount, inPlay.amount) : null, missing: 0 };
  writeSums(scope, sums, rows.map(({ at }) => at).filter(Boolean));
}

function writeSums(scope, sums, times) {
  const own = (selector) => [...scope.querySelectorAll(selector)].filter((cell) => cell.closest("[data-scope]") === scope);
  for (const cell of own("[data-total]")) write(cell, cell.dataset.total, sums[cell.dataset.total].amount);
  for (const cell of own("[data-missing]")) {
    const { amount, missing } = sums[cell.dataset.missing] ?? {};
    const words = missing && amount !== null ? ` without ${missing} unknown` : "";
    if (sums[cell.dataset.missing] && cell.textContent !== words) cell.textContent = words;
  }
  const oldest = times.sort((a, b) => Date.parse(a) - Date.parse(b))[0];
  if (oldest) for (const cell of own("[data-marked] time")) writeTime(cell, oldest);
}

const clock = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", timeStyle: "medium" });
const calendar = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", day: "numeric", month: "short" });

function writeTime(cell, at) {
  const moment = new Date(at);
  const day = calendar.format(moment);
  const text = `${day === calendar.format(new Date()) ? "" : `${day}, `}${clock.format(moment)} ET`;
  cell.dateTime = cell.title = at;
  if (cell.textContent !== text) cell.textContent = text;
}

function valueAll() {
  for (const row of rowsIn(document)) valueRow(row);
  for (const scope of document.querySelectorAll("[data-scope]")) sumScope(scope);
}

const moved = new Set();

function priceMoved(connection, symbol) {
  for (const row of rowsIn(document)) {
    if (row.dataset.connection !== connection || row.dataset.symbol !== symbol) continue;
    valueRow(row);
    if (moved.size === 0) queueMicrotask(sumMoved);
    for (let scope = row.closest("[data-scope]"); scope; scope = scope.parentElement.closest("[data-scope]")) moved.add(scope);
  }
}

function sumMoved() {
  const scopes = [...moved];
  moved.clear();
  for (const scope of scopes) sumScope(scope);
}

// Fetching anew: one at a time; who asks meanwhile gets one more.

let isFetching = false;
let isWantedAgain = false;
let fetchedAt = Date.now();

async function refresh() {
  if (isFetching) {
    isWantedAgain = true;
    return;
  }
  isFetching = true;
  try {
    const response = await fetch(location.href, { headers: { "X-Fragment": "rows" }, redirect: "error" });
    if (response.ok) show(await response.text());
  } catch {
    // Away or signed out: the badge says so, and the next look comes by itself.
  } finally {
    fetchedAt = Date.now();
    isFetching = false;
  }
  if (isWantedAgain) {
    isWantedAgain = false;
    refresh();
  }
}

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("portfolio");
  if (!fresh) return;
  patch(root(), fresh, isWrittenLive);
  valueAll();
  live.rescan();
}

// Cells that live.js writes by itself are left to it once it has something to write.
function isWrittenLive(element) {
  const row = element.dataset.field && element.closest("[data-symbol]");
  return Boolean(row && live.quote(row.dataset.connection, row.dataset.symbol));
}

function isShown(account) {
  return root().querySelector(`[data-account="${CSS.escape(account)}"]`) !== null;
}

// Paused figures stand still, and who is signed out is told nothing.
const STANDS_STILL = new Set(["paused", "sign_in_needed"]);
const FLOWS = new Set(["live", "delayed"]);
let state = "live";

function everySecond() {
  if (STANDS_STILL.has(state)) return;
  const every = root().querySelector("[data-trouble]") || !FLOWS.has(state) ? EVERY_IN_TROUBLE : EVERY;
  if (!document.hidden && Date.now() - fetchedAt >= every) refresh();
}

export function follow() {
  valueAll();
  let soon = null;
  live.onQuote(priceMoved);
  live.onConnect(refresh);
  live.onState((now) => (state = now.state));
  live.onPortfolio(({ account }) => {
    if (!isShown(account)) return;
    clearTimeout(soon);
    soon = setTimeout(refresh, SETTLE);
  });
  document.addEventListener("visibilitychange", everySecond);
  setInterval(everySecond, 1000);
}
