// Live cells of a page: found by connection, symbol and field; changed in place, and only when they change.

import { compare, format } from "./decimal.js";

const FORMATS = {
  bid_size: "count",
  ask_size: "count",
  volume: "count",
  open_interest: "count",
  volatility: "percent",
  delta: "greek",
  gamma: "greek",
  theta: "greek",
  vega: "greek",
  rho: "greek",
};
const FLASH_FOR = 450;
const FLASH_EVERY = 500;
const OLD_AFTER = 15_000;
const LOST_AFTER = 1_500; // a source that is back sooner dims nothing that is fresh

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const keyOf = (connection, symbol) => `${connection} ${symbol}`;

class Host {
  constructor(element) {
    this.element = element;
    this.cells = [element, ...element.querySelectorAll("[data-field]")].filter(
      (cell) => cell.dataset.field && cell.closest("[data-symbol]") === element,
    );
    this.asOf = Date.parse(element.dataset.asOf ?? "") || null;
  }
}

export class Cells {
  #hosts = new Map();
  #written = new WeakMap();
  #flashed = new WeakMap();
  #since = Date.now();
  #lostAt = new Map(); // by connection: since when its source has not been live

  // Look at the page anew. Returns the symbols to watch, by connection.
  scan(root = document) {
    this.#hosts = new Map();
    const wanted = new Map();
    for (const element of root.querySelectorAll("[data-connection]")) {
      const { connection, symbol } = element.dataset;
      if (!connection) continue;
      if (!wanted.has(connection)) wanted.set(connection, new Set());
      if (!symbol) continue;
      wanted.get(connection).add(symbol);
      const key = keyOf(connection, symbol);
      if (!this.#hosts.has(key)) this.#hosts.set(key, []);
      this.#hosts.get(key).push(new Host(element));
    }
    return wanted;
  }

  write(connection, symbol, quote) {
    const key = keyOf(connection, symbol);
    for (const host of this.#hosts.get(key) ?? []) {
      host.asOf = Date.parse(quote.as_of) || host.asOf;
      for (const cell of host.cells) this.#writeCell(cell, key, quote[cell.dataset.field]);
    }
  }

  // A cell may have shown another symbol before: then nothing moved.
  #writeCell(cell, key, value) {
    if (value === undefined) return;
    const last = this.#written.get(cell);
    const before = last?.key === key ? last.value : undefined;
    if (before === value) return;
    this.#written.set(cell, { key, value });
    const kind = cell.dataset.format ?? FORMATS[cell.dataset.field] ?? "price";
    const text = (format[kind] ?? format.price)(value);
    if (cell.textContent.trim() === text) return;
    cell.textContent = text;
    if (before) this.#flash(cell, compare(value, before));
  }

  // At most twice a second for each cell, and never for those who asked for calm.
  #flash(cell, direction) {
    const now = performance.now();
    if (!direction || calm.matches || now - (this.#flashed.get(cell) ?? -Infinity) < FLASH_EVERY) return;
    this.#flashed.set(cell, now);
    const name = direction > 0 ? "flash-up" : "flash-down";
    cell.classList.add(name);
    setTimeout(() => cell.classList.remove(name), FLASH_FOR);
  }

  // Dim what is old while its source is not live, and all that was told when it has been away for a moment. A page
  // without times counts from when it was opened.
  age(isLive) {
    const now = Date.now();
    for (const [key, hosts] of this.#hosts) {
      const connection = key.slice(0, key.indexOf(" "));
      const live = isLive(connection);
      if (live) this.#lostAt.delete(connection);
      else if (!this.#lostAt.has(connection)) this.#lostAt.set(connection, now);
      const isLost = !live && now - this.#lostAt.get(connection) >= LOST_AFTER;
      for (const host of hosts) {
        const old = (host.asOf ?? this.#since) < now - OLD_AFTER;
        const stale = !live && (old || (isLost && host.asOf !== null && host.asOf < now - LOST_AFTER));
        host.element.toggleAttribute("data-stale", stale);
        for (const cell of host.cells) cell.classList.toggle("stale", stale);
      }
    }
  }
}
