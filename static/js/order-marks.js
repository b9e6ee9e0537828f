// Keeps "mark now" and "distance" of working orders live: the middle of the market for the whole order, and how far it is
// from the order's price. Figures are exact; a price is from the account's side (a credit is positive).

import { add, div, format, mul, negate, parse, sign, sub } from "./decimal.js";
import { live } from "./live.js";

class Market {
  constructor(row) {
    this.row = row;
    this.connection = row.dataset.connection;
    Object.assign(this, JSON.parse(row.dataset.market));
  }

  // Null while a leg's market is not known.
  get net() {
    let total = parse("0");
    for (const [symbol, size] of this.legs) {
      const { bid, ask } = live.quote(this.connection, symbol) ?? {};
      if (parse(bid ?? null) === null || parse(ask ?? null) === null) return null;
      total = add(total, mul(div(add(bid, ask), "2"), size));
    }
    return div(total, this.unit);
  }

  distance(net) {
    if (this.stop === null) return this.limit === null ? null : sub(this.limit, net);
    const mark = sign(net) < 0 ? negate(net) : net;
    return this.buys ? sub(this.stop, mark) : sub(mark, this.stop);
  }

  write() {
    const net = this.net;
    if (net === null) return;
    const side = this.legs.length > 1 ? { "1": " cr", "-1": " db", "0": "" }[sign(net)] : "";
    this.put("mark", `${format.price(sign(net) < 0 ? negate(net) : net)}${side}`);
    this.put("distance", format.price(this.distance(net)));
  }

  put(name, text) {
    const cell = this.row.querySelector(`[data-live="${name}"]`);
    if (cell && cell.textContent !== text) cell.textContent = text;
  }
}

export class Marks {
  #markets = [];
  #endings = [];

  constructor(part) {
    this.part = part;
    live.onQuote((connection, symbol) => this.#quoted(connection, symbol));
  }

  isKept(element) {
    return element.dataset?.live !== undefined && element.closest("[data-market]") !== null;
  }

  scan() {
    this.#endings.forEach((end) => end());
    this.#markets = [...this.part.querySelectorAll("[data-market]")].map((row) => new Market(row));
    const wanted = new Map();
    for (const { connection, legs } of this.#markets) {
      if (!wanted.has(connection)) wanted.set(connection, new Set());
      for (const [symbol] of legs) wanted.get(connection).add(symbol);
    }
    this.#endings = [...wanted].map(([connection, symbols]) => live.watch(connection, symbols));
    this.#markets.forEach((market) => market.write());
  }

  #quoted(connection, symbol) {
    for (const market of this.#markets) {
      if (market.connection === connection && market.legs.some(([leg]) => leg === symbol)) market.write();
    }
  }
}
