// A price chart on a canvas: what is seen of the bars, moved by pointer, wheel, fingers and keys.
//
//   const chart = new Chart(canvas, { onHover(bar, byKey), onEarlier() })
//   chart.setBars(bars, { isDaily, keep })   bars ascending: { at: ms, open, high, low, close, volume: numbers, text }
//   chart.setLast(bar)                       the newest bar anew, or the one after it
//   chart.set({ kind, averages, marks, hasVolume, hasShades })
//
// `text` of a bar holds its figures as the desk sent them: what a person reads, never the numbers drawn.

import { Hands } from "./chart-hands.js";
import { AXIS_HEIGHT, Painter, coloursOf } from "./chart-paint.js";
import { average, decimalsFor, momentOf, rankOf, wordsOf } from "./chart-scale.js";

const FEWEST = 12;
const PITCHES = { wide: 8, narrow: 5 };
const NARROW = 520;
const SPACE_AFTER = 4;
const EARLIER_AT = 10;
const NO_MARKS = { fills: [], orders: [], cost: null };
const SETTINGS = { kind: "candles", averages: [], hasVolume: true, hasShades: false, marks: NO_MARKS };

export class Chart {
  #canvas;
  #context;
  #told;
  #bars = [];
  #isDaily = true;
  #settings = { ...SETTINGS };
  #averages = [];
  #first = 0;
  #count = 120;
  #hover = null;
  #frame = 0;
  #colours = null;
  #size = { width: 0, height: 0, ratio: 1 };

  constructor(canvas, told) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#told = told;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    const repaint = () => this.recolour();
    for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) {
      matchMedia(query).addEventListener("change", repaint);
    }
    new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    new Hands(canvas, this);
    this.#resize();
  }

  // What is shown

  setBars(bars, { isDaily, keep = false }) {
    const [before, oldFirst] = [this.#bars, this.#first];
    this.#isDaily = isDaily;
    this.#bars = [];
    for (const bar of bars) this.#bars.push(this.#dated(bar, this.#bars.at(-1)));
    this.#average();
    if (keep && before.length) {
      // Earlier bars came: the same ones stay where they were.
      const shift = this.#bars.findIndex((bar) => bar.at === before[0].at);
      this.#first = oldFirst + Math.max(0, shift);
    } else {
      this.#hover = null;
      this.newest();
    }
    this.draw();
  }

  setLast(bar) {
    const last = this.#bars.at(-1);
    if (last && bar.at < last.at) return;
    const isFollowing = this.#isAtEnd();
    if (last?.at === bar.at) this.#bars.pop();
    this.#bars.push(this.#dated(bar, this.#bars.at(-1)));
    this.#average();
    if (last?.at !== bar.at && isFollowing) this.#first += 1;
    this.draw();
  }

  set(settings) {
    Object.assign(this.#settings, settings);
    this.#average();
    this.draw();
  }

  get bars() {
    return this.#bars;
  }

  get isDaily() {
    return this.#isDaily;
  }

  // The averages at a bar, in the order of their lengths.
  averagesAt(bar) {
    const index = this.#bars.findIndex((one) => one.at === bar.at);
    return this.#averages.map(({ length, values }) => ({ length, value: values[index] ?? null }));
  }

  recolour() {
    this.#colours = null;
    this.draw();
  }

  #dated(bar, before) {
    const moment = momentOf(bar.at, this.#isDaily);
    return { ...bar, moment, rank: rankOf(moment, before?.moment) };
  }

  #average() {
    this.#averages = this.#settings.averages.map((length) => ({ length, values: average(this.#bars, length) }));
  }

  // What is seen of it

  newest() {
    const room = this.plotWidth;
    const pitch = room < NARROW ? PITCHES.narrow : PITCHES.wide;
    this.#count = Math.max(FEWEST, Math.min(this.#bars.length + SPACE_AFTER, Math.floor(room / pitch)));
    this.#first = this.#bars.length + SPACE_AFTER - this.#count;
    this.draw();
  }

  pan(bars) {
    this.#first += bars;
    this.#settle();
  }

  zoom(factor, at = 1) {
    const count = Math.max(FEWEST, Math.min(this.#bars.length + SPACE_AFTER, this.#count * factor));
    this.#first += (this.#count - count) * at;
    this.#count = count;
    this.#settle();
  }

  #settle() {
    const last = this.#bars.length + SPACE_AFTER - this.#count;
    const wantsEarlier = this.#first < EARLIER_AT;
    this.#first = Math.min(Math.max(this.#first, Math.min(0, last)), Math.max(0, this.#bars.length - FEWEST));
    if (wantsEarlier && this.#bars.length) this.#told.onEarlier?.();
    this.draw();
  }

  #isAtEnd() {
    return this.#first + this.#count >= this.#bars.length;
  }

  // The bar under the crosshair, and whether a key brought it there.
  hover(index, y = null, byKey = false) {
    const bar = this.#bars[index] ?? null;
    this.#hover = bar ? { index, y } : null;
    this.#told.onHover?.(bar, byKey);
    this.draw();
  }

  // To the bar so many further, by key.
  step(by) {
    const from = this.#hover?.index ?? this.#bars.length - (by < 0 ? 0 : 1);
    const index = Math.max(0, Math.min(this.#bars.length - 1, from + by));
    if (index < this.#first) this.#first = index;
    if (index > this.#first + this.#count - 1) this.#first = index - this.#count + 1;
    this.hover(index, null, true);
  }

  // Where things are on the canvas

  get count() {
    return this.#count;
  }

  get plotWidth() {
    return Math.max(50, this.#size.width - this.#axis());
  }

  // How wide a bar is.
  get pitch() {
    return this.plotWidth / this.#count;
  }

  indexAt(x) {
    return Math.min(this.#bars.length - 1, Math.max(0, Math.floor(this.#first + x / this.pitch)));
  }

  // Drawing, with the next picture

  draw() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = devicePixelRatio || 1;
    const wasEmpty = !this.#size.width;
    const isFollowing = this.#isAtEnd();
    const pitch = wasEmpty ? PITCHES.wide : this.pitch;
    this.#size = { width, height, ratio };
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#count = Math.max(FEWEST, this.plotWidth / pitch);
    if (isFollowing) this.#first = this.#bars.length + SPACE_AFTER - this.#count;
    this.#draw();
  }

  #axis() {
    const { orders, cost } = this.#settings.marks;
    const texts = [this.#bars.at(-1)?.text.high, cost?.text, ...orders.map(({ text }) => text)];
    const longest = Math.max(...texts.map((text) => text?.length ?? 0));
    return Math.max(60, longest * 6.6 + 18);
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { width, height, ratio } = this.#size;
    if (!width || !height) return;
    this.#colours ??= coloursOf(this.#canvas.parentElement);
    const from = Math.max(0, Math.floor(this.#first));
    const to = Math.min(this.#bars.length, Math.ceil(this.#first + this.#count));
    const plot = { width: this.plotWidth, height: height - AXIS_HEIGHT, axis: this.#axis() };
    const context = this.#context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const painter = new Painter(context, this.#colours, {
      ...plot,
      ...this.#range(from, to),
      first: this.#first,
      pitch: this.pitch,
      top: 14,
      bottom: plot.height - (this.#settings.hasVolume ? plot.height * 0.22 : 14),
    });
    painter.clear(width, height);
    if (to > from) this.#paint(painter, from, to);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  // The prices between which everything is drawn; levels close to the bars are seen too.
  #range(from, to) {
    let [low, high] = [Infinity, -Infinity];
    for (let index = from; index < to; index += 1) {
      low = Math.min(low, this.#bars[index].low);
      high = Math.max(high, this.#bars[index].high);
    }
    const reach = (high - low) * 0.35;
    const { orders, cost } = this.#settings.marks;
    for (const { price } of [...orders, ...(cost ? [cost] : [])]) {
      if (price >= low - reach && price < low) low = price;
      if (price <= high + reach && price > high) high = price;
    }
    const pad = (high - low || Math.abs(high) * 0.01 || 1) * 0.05;
    return { low: low - pad, high: high + pad };
  }

  #paint(painter, from, to) {
    const { kind, hasVolume, hasShades } = this.#settings;
    const bars = this.#bars;
    if (hasShades && !this.#isDaily) painter.extended(bars, from, to);
    painter.prices();
    painter.times(bars, from, to, this.#isDaily);
    this.#within(painter, () => {
      if (hasVolume) painter.volume(bars, from, to);
      if (kind === "candles") painter.candles(bars, from, to);
      else painter.closes(bars, from, to, kind === "area");
      painter.averages(this.#averages, from, to);
      this.#paintFills(painter, from, to);
    });
    this.#paintLevels(painter);
    this.#paintCrosshair(painter);
  }

  #within(painter, paint) {
    const context = this.#context;
    context.save();
    context.beginPath();
    context.rect(0, 0, painter.width, painter.height);
    context.clip();
    paint();
    context.restore();
  }

  #paintFills(painter, from, to) {
    for (const { at, side } of this.#settings.marks.fills) {
      const index = this.indexOf(at);
      if (index >= from && index < to) painter.fill(index, this.#bars[index], side);
    }
  }

  // The bar within which a moment lies; −1 before all of them.
  indexOf(at) {
    let [low, high] = [0, this.#bars.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#bars[middle].at <= at) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #paintLevels(painter) {
    const { orders, cost } = this.#settings.marks;
    const { own, order, up, down } = this.#colours;
    if (cost) painter.level({ ...cost, colour: own, dash: [6, 3] });
    for (const one of orders) painter.level({ ...one, colour: order, dash: [2, 2] });
    const last = this.#bars.at(-1);
    const colour = last.close >= last.open ? up : down;
    painter.level({ price: last.close, text: last.text.close, words: "", colour, dash: [1, 3] });
  }

  #paintCrosshair(painter) {
    if (!this.#hover || !this.#bars[this.#hover.index]) return;
    const { index, y } = this.#hover;
    const inside = y !== null && y < painter.height ? y : null;
    const price = painter.high - ((y - painter.top) / (painter.bottom - painter.top)) * (painter.high - painter.low);
    const places = decimalsFor((painter.high - painter.low) / 200);
    const words = wordsOf(this.#bars[index].moment, this.#isDaily);
    painter.crosshair(painter.x(index), inside, price.toFixed(Math.min(places, 4)), words);
  }
}
