// What a chart's axes say: round prices, times at the exchange, moving averages. No drawing, no page.
// Prices are JavaScript numbers here, for where a line is drawn; what is read as a figure stays text (chart.js).

const FORM = {
  year: "numeric",
  month: "short",
  day: "numeric",
  weekday: "short",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
};
const AT_EXCHANGE = new Intl.DateTimeFormat("en-GB", { ...FORM, timeZone: "America/New_York" });
const BY_CALENDAR = new Intl.DateTimeFormat("en-GB", { ...FORM, timeZone: "UTC" });
const OPENS = 9 * 60 + 30;
const CLOSES = 16 * 60;

// The parts of a moment: at the exchange, or of a calendar day (bars of a day and longer begin at midnight UTC).
export function momentOf(at, isDaily) {
  const found = {};
  for (const { type, value } of (isDaily ? BY_CALENDAR : AT_EXCHANGE).formatToParts(at)) found[type] = value;
  const minutes = Number(found.hour) * 60 + Number(found.minute);
  return { ...found, minutes, isExtended: !isDaily && (minutes < OPENS || minutes >= CLOSES) };
}

export function wordsOf(moment, isDaily) {
  const day = `${moment.weekday} ${moment.day} ${moment.month} ${moment.year}`;
  return isDaily ? day : `${day}, ${moment.hour}:${moment.minute} ET`;
}

// How much a moment is worth a label beside the one before it: a new year the most.
export function rankOf(moment, before) {
  if (!before || moment.year !== before.year) return 6;
  if (moment.month !== before.month) return 5;
  if (moment.day !== before.day) return 4;
  if (moment.minutes % 180 === 0) return 3;
  if (moment.minutes % 60 === 0) return 2;
  return moment.minutes % 15 === 0 ? 1 : 0;
}

export function labelOf(moment, rank, isDaily) {
  if (rank === 6) return moment.year;
  if (rank === 5) return isDaily ? moment.month : `${moment.day} ${moment.month}`;
  if (rank === 4) return isDaily ? moment.day : `${moment.day} ${moment.month}`;
  return `${moment.hour}:${moment.minute}`;
}

// The places to label, the most worthy first, none closer than `room` to another. `candidates`: { x, rank }.
export function spread(candidates, room) {
  const chosen = [];
  const worthy = candidates.toSorted((a, b) => b.rank - a.rank || a.x - b.x);
  for (const one of worthy) {
    if (chosen.every((other) => Math.abs(other.x - one.x) >= room)) chosen.push(one);
  }
  return chosen;
}

// Round prices between two, about so many.
export function roundPrices(low, high, about) {
  const rough = (high - low) / Math.max(1, about);
  if (!(rough > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((size) => size * power >= rough);
  const prices = [];
  for (let count = Math.ceil(low / step); count * step <= high; count += 1) prices.push(count * step);
  return prices;
}

// How many decimals tell prices of this size and distance apart; at least two.
export function decimalsFor(step) {
  return Math.min(8, Math.max(2, Math.ceil(-Math.log10(step) - 1e-9)));
}

// The mean of so many closes, for each bar; null before there are enough.
export function average(bars, length) {
  let sum = 0;
  return bars.map((bar, index) => {
    sum += bar.close - (index >= length ? bars[index - length].close : 0);
    return index >= length - 1 ? sum / length : null;
  });
}
