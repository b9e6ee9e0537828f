// Exact decimals on BigInt, and figures as traders read them; the unknown is null and reads "—".
// Money never passes through a JavaScript number. The formats are those of brokers/templatetags/desk.py.

const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;
const UNKNOWN = "—";
const MINUS = "−";

const scaled = (units, scale) => ({ units, scale });
const power = (exponent) => 10n ** BigInt(exponent);

// Text → decimal; what is unknown or no number is null. A decimal stays as it is.
export function parse(value) {
  if (value === null || value === undefined || typeof value === "object") return value ?? null;
  if (typeof value === "number") throw new TypeError("Figures are text: a number has already lost what it was.");
  const found = PATTERN.exec(String(value).trim());
  if (!found || !(found[2] || found[3])) return null;
  const [, sign, whole, fraction = "", exponent = "0"] = found;
  const units = BigInt(`${whole}${fraction}`) * (sign === "-" ? -1n : 1n);
  const scale = fraction.length - Number(exponent);
  return scale < 0 ? scaled(units * power(-scale), 0) : scaled(units, scale);
}

function aligned(a, b) {
  const scale = Math.max(a.scale, b.scale);
  return [a.units * power(scale - a.scale), b.units * power(scale - b.scale), scale];
}

// Applies an operation to two figures; unknown with anything is unknown.
function both(a, b, operation) {
  const [left, right] = [parse(a), parse(b)];
  return left === null || right === null ? null : operation(left, right);
}

export function add(a, b) {
  return both(a, b, (left, right) => {
    const [x, y, scale] = aligned(left, right);
    return scaled(x + y, scale);
  });
}

export function sub(a, b) {
  return add(a, negate(b));
}

export function mul(a, b) {
  return both(a, b, (left, right) => scaled(left.units * right.units, left.scale + right.scale));
}

export function negate(value) {
  const exact = parse(value);
  return exact && scaled(-exact.units, exact.scale);
}

// −1, 0 or 1; null when either is unknown.
export function compare(a, b) {
  return both(a, b, (left, right) => {
    const [x, y] = aligned(left, right);
    return x < y ? -1 : x > y ? 1 : 0;
  });
}

export function sign(value) {
  return compare(value, "0");
}

// To so many decimals, halves away from zero.
export function round(value, places) {
  const exact = parse(value);
  if (exact === null || exact.scale <= places) {
    return exact && scaled(exact.units * power(places - exact.scale), places);
  }
  return scaled(divideRounded(exact.units, power(exact.scale - places)), places);
}

// The quotient to so many decimals, halves away from zero; null for a division by zero.
export function div(a, b, places = 8) {
  return both(a, b, (left, right) => {
    if (right.units === 0n) return null;
    const [x, y] = aligned(left, right);
    return scaled(divideRounded(x * power(places), y), places);
  });
}

function divideRounded(numerator, denominator) {
  const isNegative = numerator < 0n !== denominator < 0n;
  const [n, d] = [numerator < 0n ? -numerator : numerator, denominator < 0n ? -denominator : denominator];
  const quotient = (2n * n + d) / (2n * d);
  return isNegative ? -quotient : quotient;
}

// Plain digits, as the API writes them; null stays null.
export function toText(value) {
  const exact = parse(value);
  return exact && `${exact.units < 0n ? "-" : ""}${digits(exact, "")}`;
}

function digits({ units, scale }, separator = ",") {
  const text = String(units < 0n ? -units : units).padStart(scale + 1, "0");
  const whole = text.slice(0, text.length - scale).replace(/\B(?=(\d{3})+$)/g, separator);
  return scale ? `${whole}.${text.slice(-scale)}` : whole;
}

function trimmed(exact, least) {
  const [whole, decimals = ""] = digits(exact).split(".");
  const kept = decimals.replace(/0+$/, "").padEnd(least, "0");
  return kept ? `${whole}.${kept}` : whole;
}

function signed(exact, text, plus = false) {
  return (exact.units < 0n ? MINUS : plus && exact.units > 0n ? "+" : "") + text;
}

function known(value, write) {
  const exact = parse(value);
  return exact === null ? UNKNOWN : write(exact);
}

function dollars(value, plus) {
  return known(value, (exact) => {
    const amount = round(exact, 2);
    return signed(amount, `$${digits(amount)}`, plus);
  });
}

function hundredths(value, places, plus) {
  return known(value, (exact) => {
    const share = round(mul(exact, "100"), places);
    return signed(share, `${digits(share)} %`, plus);
  });
}

function readable(exact) {
  if (compare(exact, round(exact, 8)) === 0) return exact;
  const size = exact.units < 0n ? negate(exact) : exact;
  return round(exact, compare(size, "0.01") >= 0 ? 4 : 8);
}

export const format = {
  money: (value) => dollars(value, false),
  gain: (value) => dollars(value, true),
  price: (value) =>
    known(value, (exact) => {
      const figure = readable(exact);
      return signed(figure, trimmed(figure, 2));
    }),
  quantity: (value) => known(value, (exact) => signed(exact, trimmed(exact, 0), true)),
  count: (value) => known(value, (exact) => signed(exact, trimmed(exact, 0))),
  percent: (value, places = 1) => hundredths(value, places, false),
  percent_gain: (value, places = 1) => hundredths(value, places, true),
  delta: (value) =>
    known(value, (exact) => {
      const figure = round(exact, 1);
      return signed(figure, trimmed(figure, 0), true);
    }),
  greek: (value) =>
    known(value, (exact) => {
      const figure = round(exact, 4);
      return signed(figure, trimmed(figure, 2));
    }),
};
