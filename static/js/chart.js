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
import { paint, priceRange } from "./chart-picture.js";
import { average, momentOf, rankOf } from "./chart-scale.js";
import { ChartWindow } from "./chart-window.js";

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
  #window = new ChartWindow();
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
    const before = this.#bars;
    this.#isDaily = isDaily;
    this.#bars = [];
    for (const bar of bars) this.#bars.push(this.#dated(bar, this.#bars.at(-1)));
    this.#window.length = this.#bars.length;
    this.#average();
    if (keep && before.length) {
      // Earlier bars came: the same ones stay where they were.
      const shift = this.#bars.findIndex((bar) => bar.at === before[0].at);
      this.#window.first += Math.max(0, shift);
    } else {
      this.#hover = null;
      this.newest();
    }
    this.draw();
  }

  setLast(bar) {
    const last = this.#bars.at(-1);
    if (last && bar.at < last.at) return;
    const isFollowing = this.#window.isAtEnd;
    if (last?.at === bar.at) this.#bars.pop();
    this.#bars.push(this.#dated(bar, this.#bars.at(-1)));
    this.#window.length = this.#bars.length;
    this.#average();
    if (last?.at !== bar.at && isFollowing) this.#window.first += 1;
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
    this.#window.newest(this.plotWidth);
    this.draw();
  }

  pan(bars) {
    this.#moved(this.#window.pan(bars));
  }

  zoom(factor, at = 1) {
    this.#moved(this.#window.zoom(factor, at));
  }

  #moved(wantsEarlier) {
    if (wantsEarlier) this.#told.onEarlier?.();
    this.draw();
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
    this.#window.include(index);
    this.hover(index, null, true);
  }

  // Where things are on the canvas

  get count() {
    return this.#window.count;
  }

  get plotWidth() {
    return Math.max(50, this.#size.width - this.#axis());
  }

  // How wide a bar is.
  get pitch() {
    return this.plotWidth / this.#window.count;
  }

  indexAt(x) {
    return this.#window.indexAt(x / this.plotWidth);
  }

  // Drawing, with the next picture

  draw() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = devicePixelRatio || 1;
    const pitch = this.#size.width ? this.pitch : null;
    this.#size = { width, height, ratio };
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#window.fit(this.plotWidth, pitch);
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
    const [from, to] = this.#window.seen;
    const plot = { width: this.plotWidth, height: height - AXIS_HEIGHT, axis: this.#axis() };
    const context = this.#context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const shown = { bars: this.#bars, from, to, isDaily: this.#isDaily, ...this.#settings };
    const painter = new Painter(context, this.#colours, {
      ...plot,
      ...priceRange(shown),
      first: this.#window.first,
      pitch: this.pitch,
      top: 14,
      bottom: plot.height - (this.#settings.hasVolume ? plot.height * 0.22 : 14),
    });
    painter.clear(width, height);
    if (to > from) {
      const fills = this.#settings.marks.fills.map((fill) => ({ ...fill, index: this.indexOf(fill.at) }));
      paint(painter, { ...shown, lines: this.#averages, fills, hover: this.#hover });
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
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
}
