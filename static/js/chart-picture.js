// What of a chart is drawn, in which order, and between which prices. How each thing is drawn: chart-paint.js.
//
// `shown`: { bars, from, to, isDaily, kind, hasVolume, hasShades, marks, lines, fills, hover }

import { decimalsFor, wordsOf } from "./chart-scale.js";

const REACH = 0.35;
const PAD = 0.05;

// The prices between which everything is drawn; levels close to the bars are seen too.
export function priceRange({ bars, from, to, marks: { orders, cost } }) {
  let [low, high] = [Infinity, -Infinity];
  for (let index = from; index < to; index += 1) {
    low = Math.min(low, bars[index].low);
    high = Math.max(high, bars[index].high);
  }
  const reach = (high - low) * REACH;
  for (const { price } of [...orders, ...(cost ? [cost] : [])]) {
    if (price >= low - reach && price < low) low = price;
    if (price <= high + reach && price > high) high = price;
  }
  const pad = (high - low || Math.abs(high) * 0.01 || 1) * PAD;
  return { low: low - pad, high: high + pad };
}

export function paint(painter, shown) {
  const { bars, from, to, isDaily } = shown;
  if (shown.hasShades && !isDaily) painter.extended(bars, from, to);
  painter.prices();
  painter.times(bars, from, to, isDaily);
  painter.within(() => paintBars(painter, shown));
  paintLevels(painter, shown);
  paintCrosshair(painter, shown);
}

function paintBars(painter, { bars, from, to, kind, hasVolume, lines, fills }) {
  if (hasVolume) painter.volume(bars, from, to);
  if (kind === "candles") painter.candles(bars, from, to);
  else painter.closes(bars, from, to, kind === "area");
  painter.averages(lines, from, to);
  for (const { index, side } of fills) {
    if (index >= from && index < to) painter.fill(index, bars[index], side);
  }
}

function paintLevels(painter, { bars, marks: { orders, cost } }) {
  const { own, order, up, down } = painter.colours;
  if (cost) painter.level({ ...cost, colour: own, dash: [6, 3] });
  for (const one of orders) painter.level({ ...one, colour: order, dash: [2, 2] });
  const last = bars.at(-1);
  const colour = last.close >= last.open ? up : down;
  painter.level({ price: last.close, text: last.text.close, words: "", colour, dash: [1, 3] });
}

function paintCrosshair(painter, { bars, isDaily, hover }) {
  if (!hover || !bars[hover.index]) return;
  const { index, y } = hover;
  const inside = y !== null && y < painter.height ? y : null;
  const price = painter.high - ((y - painter.top) / (painter.bottom - painter.top)) * (painter.high - painter.low);
  const places = decimalsFor((painter.high - painter.low) / 200);
  const words = wordsOf(bars[index].moment, isDaily);
  painter.crosshair(painter.x(index), inside, price.toFixed(Math.min(places, 4)), words);
}
