// The legs under the chain: what they are, and their net price as the market moves, from the account's side.

import { add, compare, div, format, mul, negate, parse, sign, sub } from "./decimal.js";
import { live } from "./live.js";

const isWhole = (text) => /^\d+$/.test(text);
const gcd = (a, b) => (b ? gcd(b, a % b) : a);

export class Tray {
  constructor(root) {
    this.root = root;
  }

  get section() {
    return document.getElementById("legs");
  }

  // Text, symbol and signed quantity of each.
  get legs() {
    const texts = (this.section.dataset.legs || "").split("|").filter(Boolean);
    return texts.map((text) => {
      const [quantity, symbol] = [text.slice(0, text.indexOf("*")), text.slice(text.indexOf("*") + 1)];
      return { text, quantity, symbol };
    });
  }

  drawn() {
    this.rows = [...this.section.querySelectorAll("li[data-symbol]")];
    this.write();
  }

  quoted(symbol) {
    if (this.rows.some((row) => row.dataset.symbol === symbol)) this.write();
  }

  write() {
    for (const cell of this.section.querySelectorAll("[data-net]")) {
      const text = this.text(this.net(cell.dataset.net));
      if (text !== null && cell.textContent !== text) cell.textContent = text;
    }
  }

  text(net) {
    if (net === null) return null;
    const size = format.price(sign(net) < 0 ? negate(net) : net);
    return this.rows.length > 1 ? `${size}${{ "1": " cr", "-1": " db", "0": "" }[sign(net)]}` : size;
  }

  // Null while a leg's market is not known.
  net(at) {
    let total = parse("0");
    for (const { dataset } of this.rows) {
      const price = this.price(dataset, at);
      if (price === null || !dataset.size) return null;
      total = sub(total, mul(dataset.size, price));
    }
    return this.rows.length ? div(total, this.unit()) : null;
  }

  price({ connection, symbol, size }, at) {
    const { bid, ask } = live.quote(connection, symbol) ?? {};
    if (parse(bid ?? null) === null || parse(ask ?? null) === null || compare(ask, bid) < 0) return null;
    if (at === "mid") return div(add(bid, ask), "2");
    return parse((sign(size) > 0) === (at === "natural") ? ask : bid);
  }

  // Dollars per point of the net price: what all legs' sizes are multiples of.
  unit() {
    const sizes = this.rows.map(({ dataset }) => dataset.size.replace("-", ""));
    if (sizes.length === 1 || !sizes.every(isWhole)) return sizes.reduce((a, b) => (compare(a, b) < 0 ? a : b));
    return String(sizes.map(BigInt).reduce(gcd));
  }
}
