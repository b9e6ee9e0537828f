// The price of a ticket: what the legs' market makes it, buttons that set it, steps that it may have.
//
// A net price is from the account's side: a credit is positive, a debit negative, per share or unit of the whole order.

import { add, compare, div, format, mul, negate, parse, round, sign, sub, toText } from "./decimal.js";
import { live } from "./live.js";
import { PriceSlide, signedPrice } from "./price-slide.js";

const TYPES_WITH_LIMIT = ["limit", "stop_limit"];
const TYPES_WITH_STOP = ["stop", "stop_limit"];
const TIMES_WITH_DATE = ["gtd", "gtd_ext"];

const isWhole = (text) => /^\d+(\.0*)?$/.test(text);
const gcd = (a, b) => (b ? gcd(b, a % b) : a);

class Leg {
  constructor(element) {
    const { connection, symbol, multiplier, steps, leg } = element.dataset;
    Object.assign(this, { element, connection, symbol, multiplier, number: leg });
    this.steps = JSON.parse(steps || "[]");
    const suffix = leg === "1" ? "" : `_${leg}`;
    this.action = element.querySelector(`[name=action${suffix}]`);
    this.quantity = element.querySelector(`[name=quantity${suffix}]`);
  }

  get buys() {
    return this.action.value.startsWith("buy");
  }

  // Dollars per point, unsigned; null while unknown.
  get size() {
    const quantity = parse(this.quantity.value) === null ? "1" : this.quantity.value;
    return this.multiplier ? toText(mul(quantity, this.multiplier)) : null;
  }

  price(at) {
    const { bid, ask } = live.quote(this.connection, this.symbol) ?? {};
    if (parse(bid ?? null) === null || parse(ask ?? null) === null) return null;
    if (at === "mid") return div(add(bid, ask), "2");
    if (at === "bid" || at === "ask") return parse(at === "bid" ? bid : ask);
    return parse(this.buys === (at === "natural") ? ask : bid);
  }

  step(price) {
    const size = sign(price) < 0 ? negate(price) : price;
    for (const [below, increment] of this.steps) {
      if (below === null || compare(size, below) < 0) return increment;
    }
    return "0.01";
  }
}

export class TicketPrice {
  constructor(form) {
    this.form = form;
    this.wants = !form.elements.limit_price.value;
    this.slide = new PriceSlide(this);
    form.addEventListener("input", (event) => {
      if (this.slide.heard(event) || event.target.name !== "limit_price") return;
      this.wants = false;
      this.slide.stopFollowing();
      this.slide.show();
    });
  }

  // After the parts of the form were put in anew.
  ready() {
    this.legs = [...this.form.querySelectorAll("[data-leg]")].map((element) => new Leg(element));
    if (!this.form.elements.limit_price.value) this.wants = true;
    this.showFields();
    this.slide.ready();
    this.show();
  }

  // While the desk looks up other contracts: what the old ones cost is not their price.
  forget() {
    this.legs = [];
    this.show();
  }

  concerns(connection, symbol) {
    return this.legs.some((leg) => leg.connection === connection && leg.symbol === symbol);
  }

  get isSpread() {
    return this.legs.length > 1;
  }

  changed(name) {
    if (name === "limit_price" || name === "stop_price") this.putRight(this.form.elements[name]);
    if (name.startsWith("action") || name.startsWith("quantity")) this.show();
    this.showFields();
  }

  // The order's price at a side of the market; of a single leg unsigned, of several from the account's side.
  at(name) {
    if (!this.legs.length) return null;
    if (!this.isSpread) return this.legs[0].price(name);
    let total = parse("0");
    for (const leg of this.legs) {
      const paid = leg.size === null ? null : mul(leg.price(name), leg.size);
      if (paid === null) return null;
      total = leg.buys ? sub(total, paid) : add(total, paid);
    }
    return div(total, this.unit());
  }

  // Dollars per point of the net price: what all legs' sizes are multiples of.
  unit() {
    const sizes = this.legs.map((leg) => leg.size);
    if (!sizes.every(isWhole)) return sizes.reduce((a, b) => (compare(a, b) < 0 ? a : b));
    return String(sizes.map((size) => BigInt(size.split(".")[0])).reduce(gcd));
  }

  step(price) {
    const steps = this.legs.map((leg) => leg.step(price));
    return steps.reduce((a, b) => (compare(a, b) < 0 ? a : b));
  }

  onGrid(price) {
    const increment = this.step(price);
    return mul(round(div(price, increment), 0), increment);
  }

  // What a button stands for: a price that an order may have.
  offered(name) {
    const price = this.at(name);
    return price === null ? null : this.onGrid(price);
  }

  // Writes the market's prices. True when it set the price.
  show() {
    for (const cell of this.form.querySelectorAll("[data-net]")) {
      const price = this.at(cell.dataset.net);
      cell.textContent = this.isSpread ? this.withSide(price) : format.price(price);
    }
    for (const leg of this.legs) {
      const cell = leg.element.querySelector("[data-mid]");
      if (cell) cell.textContent = format.price(leg.price("mid"));
    }
    for (const button of this.form.querySelectorAll("#price-buttons button")) {
      const { price } = button.dataset;
      button.disabled = price ? this.offered(price) === null : !this.legs[0]?.symbol;
    }
    const isSet = this.startAtMid() || this.followMid();
    this.slide.show();
    return isSet;
  }

  // The names of the market's two sides, lower first.
  get sides() {
    return this.isSpread ? ["natural", "far"] : ["bid", "ask"];
  }

  // The typed price from the account's side; of a single leg unsigned.
  signed() {
    return signedPrice(this.form.elements);
  }

  inWords(price) {
    return this.isSpread ? this.withSide(price) : format.price(price);
  }

  // A price that a button, the slider or the market sets; false where an order may not have it.
  take(price) {
    if (price === null || (!this.isSpread && sign(price) <= 0)) return false;
    this.set(price);
    this.wants = false;
    this.say("");
    return true;
  }

  followMid() {
    const price = this.slide.follows ? this.offered("mid") : null;
    return price !== null && compare(price, this.signed()) !== 0 && this.take(price);
  }

  withSide(price) {
    if (price === null) return format.price(null);
    const side = { "1": " cr", "-1": " db", "0": "" }[sign(price)];
    return `${format.price(sign(price) < 0 ? negate(price) : price)}${side}`;
  }

  // An untouched price starts at the middle, once for each set of legs; it does not follow from there.
  startAtMid() {
    const price = this.wants ? this.offered("mid") : null;
    if (price === null || (!this.isSpread && sign(price) <= 0)) return false;
    this.set(price);
    this.wants = false;
    if (this.isAskedFor) this.say(`The price starts at the middle, ${toText(sign(price) < 0 ? negate(price) : price)}.`);
    this.isAskedFor = false;
    return true;
  }

  // Whether the limit is still to come from the market. Nothing is reviewed then: the person would meet a price, or the
  // want of one, that was never on the screen.
  get isWaiting() {
    const { limit_price: limit, order_type: type } = this.form.elements;
    return this.wants && !limit.value.trim() && TYPES_WITH_LIMIT.includes(type.value);
  }

  sayWaiting() {
    this.isAskedFor = true;
    this.say("There is no price yet: it starts at the middle of the market when each leg has a quote. Wait, or type one.");
  }

  set(price) {
    const { limit_price: field, effect } = this.form.elements;
    field.value = toText(sign(price) < 0 ? negate(price) : price);
    if (effect && sign(price) !== 0) effect.value = sign(price) > 0 ? "credit" : "debit";
  }

  // True when the button was one of the price's.
  clicked(button) {
    const { price, step } = button.dataset;
    if (!price && !step) return false;
    this.say("");
    this.slide.stopFollowing();
    const offered = price ? this.offered(price) : null;
    if (offered !== null) this.set(offered);
    if (step) this.move(step === "1" ? "1" : "-1");
    this.slide.show();
    if (this.form.elements.limit_price.value) this.wants = false;
    return true;
  }

  // A tick up is a better price to sell and a dearer one to buy; a spread's credit below zero turns into a debit.
  move(direction) {
    const { limit_price: field, effect } = this.form.elements;
    if (parse(field.value) === null) return;
    const isDebit = effect?.value === "debit";
    const signed = isDebit ? negate(field.value) : parse(field.value);
    const up = isDebit ? negate(direction) : parse(direction);
    const moved = add(signed, mul(this.step(signed), up));
    if (effect || sign(moved) > 0) this.set(moved);
  }

  // A typed price between two steps is put right, and said so.
  putRight(field) {
    const typed = parse(field.value);
    this.say("");
    if (typed === null || sign(typed) < 0 || !this.legs.some((leg) => leg.steps.length)) return;
    const right = this.onGrid(typed);
    if (compare(right, typed) === 0) return;
    const [was, step] = [field.value, this.step(typed)];
    field.value = toText(right);
    this.say(`Prices go in steps of ${step}: ${was} was put right to ${toText(right)}.`);
  }

  say(words) {
    document.getElementById("tick-note").textContent = words;
  }

  showFields() {
    const { order_type: type, time_in_force: time } = this.form.elements;
    document.getElementById("limit-field").hidden = !TYPES_WITH_LIMIT.includes(type.value);
    document.getElementById("stop-field").hidden = !TYPES_WITH_STOP.includes(type.value);
    document.getElementById("trail-field")?.toggleAttribute("hidden", type.value !== "trailing_stop");
    document.getElementById("date-field").hidden = !TIMES_WITH_DATE.includes(time.value);
  }
}
