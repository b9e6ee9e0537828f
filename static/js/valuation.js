// What a holding is worth at a price: the same figures as portfolio/valuation.py, exact. Unknown is null, never 0.

import { add, compare, div, mul, negate, parse, sign, sub } from "./decimal.js";

const ZERO = parse("0");

// The middle of a two-sided, uncrossed market; else the broker's mark; else the last price; else null.
export function fairPrice(quote) {
  const [bid, ask] = [parse(quote.bid), parse(quote.ask)];
  if (bid !== null && ask !== null && sign(ask) > 0 && compare(ask, bid) >= 0) return mul(add(bid, ask), "0.5");
  return parse(quote.mark) ?? parse(quote.last);
}

function times(units, price) {
  return sign(units) === 0 ? ZERO : mul(units, price);
}

// The figure without its sign.
export function size(figure) {
  return sign(figure) < 0 ? negate(figure) : figure;
}

// `part` as a fraction of the size of `whole`; null when there is no whole.
export function share(part, whole) {
  return div(part, size(whole), 12);
}

// All figures of a holding at a mark, with its delta as `data` has it; what is unknown is null.
export function value(data, mark) {
  const units = mul(data.quantity, data.multiplier);
  const cost = data.settles ? ZERO : times(units, data.openPrice);
  const gainOpen = times(units, sub(mark, data.openPrice));
  const movedToday = times(units, sub(mark, data.dayOpenPrice));
  const worth = { daily: movedToday, closed: gainOpen }; // of a future: what is not yet in the account's cash
  return {
    mark,
    value: data.settles ? worth[data.settles] : times(units, mark),
    cost,
    gain_open: gainOpen,
    gain_open_share: share(gainOpen, cost),
    gain_day: add(movedToday, data.realizedDay),
    delta: sign(data.deltaSize) === 0 ? ZERO : mul(data.deltaSize, data.delta),
  };
}

// Sums over what is known, and how many parts are not; an account whose positions are unknown is one of these.
export function addUp(parts, unknown = 0) {
  const known = parts.filter((part) => part !== null);
  const missing = parts.length - known.length + unknown;
  return { amount: known.length || !missing ? known.reduce(add, ZERO) : null, missing };
}
