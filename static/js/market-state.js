// Whether the market is open, in words that count down: in the bar of every page, and wherever a page asks for it with
// data-market-state (and data-exchange, whose hours are meant). The state is also at the root, as data-market. Where
// prices of shares move though the hours say "closed" (overnight trading, a simulator that never closes), it says so.

import { live } from "./live.js";

const ASK_EVERY = 300_000;
const SHOW_EVERY = 15_000;
const WORDS = {
  open: ["Open", "closes in"],
  pre: ["Pre-market", "opens in"],
  post: ["After hours", "ends in"],
  closed: ["Closed", "opens in"],
  unknown: ["Hours not known", ""],
};
const SHARES = "Equity";
const MOVING_FOR = 60_000; // after the last price that moved
const IS_SHARE = /^\$?[A-Z][A-Z.]*$/;

const EXCHANGE_TIME = new Intl.DateTimeFormat("en-GB", {
  timeZone: "America/New_York",
  dateStyle: "medium",
  timeStyle: "short",
});

let markets = [];
let askedAt = 0;
let movedAt = -Infinity;
const prices = new Map(); // by connection and symbol: what was told last

function span(milliseconds) {
  const minutes = Math.max(0, Math.ceil(milliseconds / 60_000));
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  if (days) return `${days} d ${hours} h`;
  return hours ? `${hours} h ${minutes % 60} m` : `${minutes} m`;
}

// When the words' promise comes true: a closed market opens for all with its regular hours, not with those before.
function changeOf(market) {
  const next = (kind, edge) =>
    market.sessions
      ?.filter((session) => !kind || session.kind === kind)
      .map((session) => Date.parse(session[edge]))
      .find((at) => at > Date.now());
  if (market.state === "open") return next("regular", "closes_at") ?? Date.parse(market.next_change_at);
  if (market.state === "post") return Date.parse(market.next_change_at);
  return next("regular", "opens_at") ?? Date.parse(market.next_change_at);
}

const isMoving = (market) => market.exchange === SHARES && market.state === "closed" && Date.now() - movedAt < MOVING_FOR;

function describe(market) {
  if (isMoving(market)) return { state: "Closed", more: " · prices are moving", at: changeOf(market) };
  const [words, promise] = WORDS[market.state] ?? WORDS.unknown;
  const at = changeOf(market);
  const state = market.state === "closed" && market.holiday ? `${words}: ${market.holiday}` : words;
  const parts = [promise && at ? `${promise} ${span(at - Date.now())}` : ""];
  if (market.early_close && market.state !== "closed") parts.push("early close");
  const more = parts.filter(Boolean).map((part) => ` · ${part}`).join("");
  return { state, more, at };
}

function write(place) {
  const market = markets.find(({ exchange }) => exchange === (place.dataset.exchange || SHARES));
  place.hidden = !market;
  if (!market) return;
  const { state, more, at } = describe(market);
  if (place.textContent !== state + more) {
    const promise = document.createElement("span");
    promise.className = "market-promise";
    promise.textContent = more;
    place.replaceChildren(state, promise);
  }
  place.dataset.state = market.state;
  const when = at ? `${EXCHANGE_TIME.format(at)} ET` : "";
  const why = isMoving(market) ? "outside of its hours, yet prices come in" : "";
  place.title = [market.exchange, state + more, why, when, market.told].filter(Boolean).join(" · ");
}

function show() {
  const shares = markets.find(({ exchange }) => exchange === SHARES);
  if (shares) document.documentElement.dataset.market = isMoving(shares) ? "moving" : shares.state;
  document.querySelectorAll("[data-market-state]").forEach(write);
}

// A price that is told for the first time is no news: it may be days old.
function noteMove(connection, symbol, { bid, ask, last }) {
  if (!IS_SHARE.test(symbol)) return;
  const [key, told] = [`${connection} ${symbol}`, [bid, ask, last].join(" ")];
  const before = prices.get(key);
  prices.set(key, told);
  if (before === undefined || before === told) return;
  const wasStill = Date.now() - movedAt >= MOVING_FOR;
  movedAt = Date.now();
  if (wasStill) show();
}

const isOver = ({ next_change_at: next }) => next && Date.parse(next) <= Date.now();

async function ask(address) {
  if (document.hidden) return;
  const wait = markets.some(isOver) ? 10_000 : ASK_EVERY;
  if (Date.now() - askedAt < wait) return;
  askedAt = Date.now();
  try {
    const answer = await fetch(address, { credentials: "same-origin" });
    if (!answer.ok) return;
    markets = read(await answer.json());
    show();
  } catch {
    // The desk can't be reached: the badge says so, and the words count on with what is known.
  }
}

function read({ markets: found, source }) {
  const told = source.calendar === "broker" ? "" : source.calendar;
  return found.map((market) => ({ ...market, told }));
}

const place = document.querySelector("[data-market-state][data-address]");
if (place) {
  const { address } = place.dataset;
  live.onQuote(noteMove);
  ask(address);
  setInterval(() => (show(), ask(address)), SHOW_EVERY);
  document.addEventListener("visibilitychange", () => (show(), ask(address)));
}
