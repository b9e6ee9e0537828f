// The strikes: rows in sight are watched, their figures written in place, the line of the underlying's price moves with it.

import { add, compare, div, format, mul, round, sign, sub, toText } from "./decimal.js";
import { live } from "./live.js";

const PLACES = { delta: 2, gamma: 4, theta: 3, vega: 3 };
const COUNTS = new Set(["open_interest", "volume"]);
const FLASH_FOR = 450;
const FLASH_EVERY = 500;
const SETTLE = 150;
const MARGIN = "160px 0px";

const calm = matchMedia("(prefers-reduced-motion: reduce)");

function fixed(value, places) {
  const text = toText(round(value, places));
  return text === null ? "—" : text.replace("-", "−");
}

function figure(field, value) {
  if (value === null || value === undefined) return "—";
  if (field === "volatility") return fixed(mul(value, "100"), 1);
  if (field in PLACES) return fixed(value, PLACES[field]);
  return COUNTS.has(field) ? format.count(value) : format.price(value);
}

// One option of a row: its cells, written when its quote comes.
class Side {
  constructor(row, letter) {
    this.row = row;
    this.strike = row.dataset.strike;
    this.way = letter === "c" ? 1 : -1;
    this.cells = [...row.querySelectorAll(`td.${letter}[data-f], td.${letter} [data-f]`)];
    this.buttons = [...row.querySelectorAll(`td.${letter} button`)];
    this.symbol = this.buttons[0]?.value ?? null;
    this.host = this.buttons[0]?.parentElement ?? null;
  }

  watch(connection) {
    Object.assign(this.host.dataset, { connection, symbol: this.symbol, greeks: "" });
  }

  leave() {
    for (const name of ["connection", "symbol", "greeks", "stale"]) delete this.host.dataset[name];
  }

  extrinsic({ bid, ask }, spot) {
    if (bid == null || ask == null || spot === null) return null;
    const inside = this.way > 0 ? sub(spot, this.strike) : sub(this.strike, spot);
    return round(sub(div(add(bid, ask), "2"), sign(inside) > 0 ? inside : "0"), 2);
  }
}

export class Board {
  #sides = new Map();
  #byRow = new Map();
  #inSight = new WeakSet();
  #flashed = new WeakMap();
  #shown = new WeakMap();
  #timer = null;

  constructor(root) {
    this.root = root;
    this.observer = null;
    this.scroller = null;
  }

  get table() {
    return this.scroller.querySelector("table");
  }

  get connection() {
    return this.root.dataset.connectionId;
  }

  // After the rows were drawn anew: those that stayed are the same elements, but may show other options.
  drawn(legs) {
    const scroller = document.getElementById("board");
    if (scroller !== this.scroller) this.#observe(scroller);
    this.#sides.clear();
    this.#byRow.clear();
    this.#shown = new WeakMap();
    this.spotRow = document.getElementById("spot");
    this.spot = this.#newestSpot() ?? this.#shownSpot();
    this.around = this.#shownSpot() ?? "";
    for (const row of this.scroller.querySelectorAll("tr[data-strike]")) this.#adopt(row);
    this.#mark(legs);
    for (const [symbol, side] of this.#sides) {
      const quote = live.quote(this.connection, symbol);
      if (quote) this.#write(side, quote, false);
    }
    this.#placeSpot();
  }

  #observe(scroller) {
    this.observer?.disconnect();
    this.scroller = scroller;
    this.observer = new IntersectionObserver((entries) => this.#moved(entries), { root: scroller, rootMargin: MARGIN });
  }

  #adopt(row) {
    const sides = ["c", "p"].map((letter) => new Side(row, letter)).filter((side) => side.symbol);
    this.#byRow.set(row, sides);
    for (const side of sides) {
      this.#sides.set(side.symbol, side);
      if (this.#inSight.has(row)) side.watch(this.connection);
    }
    this.observer.observe(row);
  }

  // Only what is in sight is asked for; a scroll that goes on asks once, when it rests.
  #moved(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.#inSight.add(target);
      else this.#inSight.delete(target);
      for (const side of this.#byRow.get(target) ?? []) isIntersecting ? side.watch(this.connection) : side.leave();
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => live.rescan(), SETTLE);
  }

  show(side) {
    this.scroller.dataset.side = side;
  }

  // Figures

  quoted(symbol, quote) {
    const underlying = document.getElementById("underlying");
    if (underlying?.dataset.symbol === symbol) this.#spotMoved(quote);
    const side = this.#sides.get(symbol);
    if (side) this.#write(side, quote, true);
  }

  #write(side, quote, flashes) {
    for (const cell of side.cells) {
      const field = cell.dataset.f;
      const value = field === "extrinsic" ? side.extrinsic(quote, this.spot) : quote[field];
      if (value === undefined || (value === null && cell.classList.contains("est"))) continue;
      cell.classList.remove("est");
      const before = this.#shown.get(cell);
      this.#shown.set(cell, value);
      const text = figure(field, value);
      if (cell.textContent === text) continue;
      cell.textContent = text;
      if (flashes && (field === "bid" || field === "ask")) this.#flash(cell, value, before);
    }
    if (quote.bid !== undefined) side.host.classList.toggle("no-bid", quote.bid === null || sign(quote.bid) === 0);
  }

  #flash(cell, value, before) {
    const direction = before == null ? null : compare(value, before);
    const now = performance.now();
    if (!direction || calm.matches || now - (this.#flashed.get(cell) ?? -Infinity) < FLASH_EVERY) return;
    this.#flashed.set(cell, now);
    const name = direction > 0 ? "flash-up" : "flash-down";
    cell.classList.add(name);
    setTimeout(() => cell.classList.remove(name), FLASH_FOR);
  }

  // The underlying

  #newestSpot() {
    const symbol = document.getElementById("underlying")?.dataset.symbol;
    const quote = symbol ? live.quote(this.connection, symbol) : null;
    return quote?.mark ?? quote?.last ?? null;
  }

  #shownSpot() {
    const text = document.getElementById("spot-price").textContent.replaceAll(",", "");
    return sign(text) === null ? null : text;
  }

  #spotMoved(quote) {
    const spot = quote.mark ?? quote.last ?? null;
    if (spot === null || compare(spot, this.spot) === 0) return;
    this.spot = spot;
    this.#placeSpot();
  }

  #placeSpot() {
    if (this.spot === null) return;
    const price = document.getElementById("spot-price");
    const isSmall = compare(this.spot, "1") < 0 && compare(this.spot, "-1") > 0;
    const text = format.price(isSmall ? this.spot : round(this.spot, 2));
    if (price.textContent !== text) price.textContent = text;
    const above = [...this.#byRow.keys()].find((row) => compare(row.dataset.strike, this.spot) > 0) ?? null;
    if (this.spotRow.nextElementSibling !== above) this.spotRow.parentElement.insertBefore(this.spotRow, above);
  }

  // Whether there are rows on both sides of the price, about as many.
  get isCentred() {
    const rows = [...this.#byRow.keys()];
    const below = rows.filter((row) => compare(row.dataset.strike, this.spot) <= 0).length;
    return below * 4 >= rows.length && below * 4 <= rows.length * 3;
  }

  showMoney({ smoothly = false } = {}) {
    const middle = this.spotRow.offsetTop - (this.scroller.clientHeight + this.table.tHead.offsetHeight) / 2;
    this.scroller.scrollTo({ top: middle, behavior: smoothly && !calm.matches ? "smooth" : "instant" });
  }

  // Legs

  #mark(legs) {
    const counts = new Map(legs.map(({ symbol, quantity }) => [symbol, quantity]));
    for (const { symbol, buttons } of this.#sides.values()) {
      const quantity = counts.get(symbol) ?? null;
      for (const button of buttons) {
        const is = quantity !== null && (sign(quantity) > 0) === (button.name === "buy");
        if (is) button.dataset.leg = format.quantity(quantity);
        else delete button.dataset.leg;
      }
    }
  }
}
