// The ticket's slider from one side of the market to the other, and the box that lets its price follow the middle.
//
// Neither is more than the buttons and the field beside them: both set the same limit price, on its grid.

import { add, compare, div, mul, negate, parse, sign, sub, toText } from "./decimal.js";

const MOST_STOPS = 400;

export class PriceSlide {
  // `price` is the ticket's price: what the market makes it, and how it is set.
  constructor(price) {
    this.price = price;
    this.follows = false;
  }

  // After the parts of the form were put in anew.
  ready() {
    this.slider = document.getElementById("price-slider");
    this.box = document.getElementById("price-follow");
    this.box.checked = this.follows;
    this.show();
  }

  // True when the element is one of these two and was heard.
  heard({ target }) {
    if (target === this.box) this.followed(this.box.checked);
    else if (target === this.slider) this.slid();
    else return false;
    return true;
  }

  followed(follows) {
    this.follows = follows;
    if (follows) this.price.take(this.price.offered("mid"));
    this.price.show();
  }

  stopFollowing() {
    this.follows = false;
    if (this.box) this.box.checked = false;
  }

  slid() {
    this.stopFollowing();
    if (!this.ends) return;
    const [first, last] = this.ends;
    const way = div(mul(sub(last, first), this.slider.value), this.stops);
    this.price.take(this.price.onGrid(add(first, way)));
    this.sayWhere();
  }

  // Where the market is now, its sides where their buttons stand.
  show() {
    if (!this.slider) return;
    const [first, last] = this.price.sides.map((side) => this.price.offered(side));
    const open = first !== null && last !== null && compare(first, last) !== 0;
    this.slider.disabled = !open;
    this.ends = open ? [first, last] : null;
    if (!open) return;
    this.stops = this.stopsBetween(first, last);
    this.slider.max = this.stops;
    if (this.slider.matches(":active")) return; // held: it is the person's to move
    this.stand();
    if (document.activeElement !== this.slider) this.sayWhere();
  }

  stopsBetween(first, last) {
    const span = sub(last, first);
    const count = div(sign(span) < 0 ? negate(span) : span, this.price.step(first), 0);
    return String(Math.max(1, Math.min(MOST_STOPS, Number(toText(count)))));
  }

  // The handle stands at the typed price; beyond the ends it stands at the end.
  stand() {
    const typed = this.price.signed();
    if (typed === null) return;
    const [first, last] = this.ends;
    const share = div(mul(sub(typed, first), this.stops), sub(last, first), 0);
    this.slider.value = toText(share);
  }

  sayWhere() {
    const price = this.price.signed();
    this.slider.setAttribute("aria-valuetext", price === null ? "no price" : this.price.inWords(price));
  }
}

// The unsigned text of a field and the side beside it, as a number from the account's side; null where none is typed.
export function signedPrice({ limit_price: field, effect }) {
  const typed = parse(field.value);
  if (typed === null) return null;
  return effect?.value === "debit" ? negate(typed) : typed;
}
