// Draws a chart on a canvas: grid, candles, line or area, volume, averages, marks, crosshair. It decides nothing:
// chart-picture.js says what is to be seen.

import { decimalsFor, labelOf, roundPrices, spread } from "./chart-scale.js";

export const AXIS_HEIGHT = 24;
const FONT = "11px ui-sans-serif, system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
const LABEL_ROOM = 76;
const LABEL_HEIGHT = 18;
const VOLUME_SHARE = 0.2;
const AVERAGE_COLOURS = ["first", "second", "third"];
const COLOURS = {
  text: "--muted",
  strong: "--text",
  surface: "--surface",
  line: "--line",
  up: "--up",
  down: "--down",
  accent: "--accent",
  extended: "--surface-2",
  own: "--chart-own",
  order: "--chart-order",
  first: "--chart-first",
  second: "--chart-second",
  third: "--chart-third",
};

// light-dark() is resolved by painting: a probe element is asked for its colour.
export function coloursOf(element) {
  const probe = document.createElement("span");
  probe.className = "chart-probe";
  element.append(probe);
  const found = {};
  for (const [name, property] of Object.entries(COLOURS)) {
    probe.style.setProperty("color", `var(${property})`);
    found[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return found;
}

export class Painter {
  constructor(context, colours, frame) {
    Object.assign(this, { context, colours, pills: [], ...frame });
    context.font = FONT;
    context.textBaseline = "middle";
    context.lineJoin = "round";
  }

  y(price) {
    return this.top + ((this.high - price) / (this.high - this.low)) * (this.bottom - this.top);
  }

  x(index) {
    return (index - this.first + 0.5) * this.pitch;
  }

  // Ground

  clear(width, height) {
    this.context.fillStyle = this.colours.surface;
    this.context.fillRect(0, 0, width, height);
  }

  // What is painted so stays within the plot.
  within(paint) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(0, 0, this.width, this.height);
    context.clip();
    paint();
    context.restore();
  }

  extended(bars, from, to) {
    this.context.fillStyle = this.colours.extended;
    for (let index = from; index < to; index += 1) {
      if (!bars[index].moment.isExtended) continue;
      this.context.fillRect(Math.floor(this.x(index) - this.pitch / 2), 0, Math.ceil(this.pitch), this.height);
    }
  }

  prices() {
    const { context, colours } = this;
    const shown = roundPrices(this.low, this.high, (this.bottom - this.top) / 52);
    const places = shown.length > 1 ? decimalsFor(shown[1] - shown[0]) : 2;
    for (const price of shown) {
      const y = Math.round(this.y(price)) + 0.5;
      this.line(0, y, this.width, y, colours.line);
      context.fillStyle = colours.text;
      context.textAlign = "left";
      context.fillText(price.toFixed(places), this.width + 8, y);
    }
  }

  times(bars, from, to, isDaily) {
    const { context, colours } = this;
    const candidates = [];
    for (let index = from; index < to; index += 1) {
      if (bars[index].rank > 0) candidates.push({ x: this.x(index), rank: bars[index].rank, bar: bars[index] });
    }
    context.textAlign = "center";
    for (const { x, rank, bar } of spread(candidates, LABEL_ROOM)) {
      this.line(Math.round(x) + 0.5, 0, Math.round(x) + 0.5, this.height, colours.line);
      context.fillStyle = rank >= (isDaily ? 6 : 4) ? colours.strong : colours.text;
      const half = context.measureText(labelOf(bar.moment, rank, isDaily)).width / 2 + 2;
      context.fillText(labelOf(bar.moment, rank, isDaily), Math.max(half, x), this.height + AXIS_HEIGHT / 2);
    }
  }

  line(x1, y1, x2, y2, colour, dash = []) {
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
    context.setLineDash([]);
  }

  // Bars

  volume(bars, from, to) {
    const { context, colours } = this;
    let most = 0;
    for (let index = from; index < to; index += 1) most = Math.max(most, bars[index].volume ?? 0);
    if (!most) return;
    const width = Math.max(1, Math.floor(this.pitch * 0.7));
    context.globalAlpha = 0.35;
    for (let index = from; index < to; index += 1) {
      const bar = bars[index];
      const height = ((bar.volume ?? 0) / most) * this.height * VOLUME_SHARE;
      context.fillStyle = bar.close >= bar.open ? colours.up : colours.down;
      context.fillRect(Math.round(this.x(index) - width / 2), this.height - height, width, height);
    }
    context.globalAlpha = 1;
  }

  // A rise is hollow and a fall is full, so that the colour says nothing by itself.
  candles(bars, from, to) {
    const { context, colours } = this;
    const width = Math.max(1, Math.floor(this.pitch * 0.7) | 1);
    context.lineWidth = 1;
    for (let index = from; index < to; index += 1) {
      const bar = bars[index];
      const isUp = bar.close >= bar.open;
      const x = Math.round(this.x(index)) + 0.5;
      const [over, under] = [this.y(Math.max(bar.open, bar.close)), this.y(Math.min(bar.open, bar.close))];
      context.strokeStyle = context.fillStyle = isUp ? colours.up : colours.down;
      context.beginPath();
      context.moveTo(x, this.y(bar.high));
      context.lineTo(x, over);
      context.moveTo(x, under);
      context.lineTo(x, this.y(bar.low));
      context.stroke();
      if (width < 3) this.line(x, over, x, Math.max(under, over + 1), context.strokeStyle);
      else if (isUp) context.strokeRect(x - (width - 1) / 2, over, width - 1, Math.max(1, under - over));
      else context.fillRect(x - width / 2, over, width, Math.max(1, under - over));
    }
  }

  curve(values, from, to, colour, width = 1.5) {
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    let isOpen = false;
    for (let index = from; index < to; index += 1) {
      if (values[index] === null) continue;
      if (isOpen) context.lineTo(this.x(index), this.y(values[index]));
      else context.moveTo(this.x(index), this.y(values[index]));
      isOpen = true;
    }
    context.stroke();
  }

  closes(bars, from, to, isFilled) {
    const { context, colours } = this;
    this.curve(
      bars.map((bar) => bar.close),
      from,
      to,
      colours.accent,
      2,
    );
    if (!isFilled || to <= from) return;
    context.lineTo(this.x(to - 1), this.height);
    context.lineTo(this.x(from), this.height);
    context.closePath();
    context.globalAlpha = 0.14;
    context.fillStyle = colours.accent;
    context.fill();
    context.globalAlpha = 1;
  }

  averages(lines, from, to) {
    lines.forEach(({ values }, index) =>
      this.curve(values, from, to, this.colours[AVERAGE_COLOURS[index % AVERAGE_COLOURS.length]]),
    );
  }

  // Marks

  // A level with its words at the left and its price on the axis; beyond the picture it stands at the edge, with an arrow.
  level({ price, text, words, colour, dash }) {
    const at = this.y(price);
    const y = Math.round(Math.min(this.height - 10, Math.max(10, at))) + 0.5;
    const isOutside = at < 0 || at > this.height;
    if (!isOutside) this.line(0, y, this.width, y, colour, dash);
    const arrow = isOutside ? (at < 0 ? "▲ " : "▼ ") : "";
    if (words) this.named(y, `${arrow}${words} ${text}`, colour);
    if (!isOutside) this.tag(y, text, colour);
  }

  // Levels close to each other have their words side by side: a price on the axis may be covered by another's.
  named(y, text, colour) {
    const near = this.pills.filter((other) => Math.abs(other.y - y) < LABEL_HEIGHT);
    const right = this.pill(Math.max(8, ...near.map((other) => other.right + 4)), y, text, colour, "left");
    this.pills.push({ y, right });
  }

  tag(y, text, colour) {
    const { context, colours } = this;
    context.fillStyle = colour;
    context.fillRect(this.width, y - LABEL_HEIGHT / 2, this.axis, LABEL_HEIGHT);
    context.fillStyle = colours.surface;
    context.textAlign = "left";
    context.fillText(text, this.width + 8, y + 0.5);
  }

  pill(x, y, text, colour, align) {
    const { context, colours } = this;
    const width = context.measureText(text).width + 14;
    const left = align === "left" ? x : Math.min(this.width - width, Math.max(0, x - width / 2));
    context.fillStyle = colours.surface;
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.beginPath();
    context.roundRect(left, y - LABEL_HEIGHT / 2, width, LABEL_HEIGHT, 4);
    context.fill();
    context.stroke();
    context.fillStyle = colour;
    context.textAlign = "left";
    context.fillText(text, left + 7, y + 0.5);
    return left + width;
  }

  // A purchase points up from below its bar, a sale down from above.
  fill(index, bar, side) {
    const { context, colours } = this;
    const isBuy = side === "buy";
    const way = isBuy ? 1 : -1;
    const x = this.x(index);
    const y = isBuy ? this.y(bar.low) + 6 : this.y(bar.high) - 6;
    context.fillStyle = isBuy ? colours.up : colours.down;
    context.strokeStyle = colours.surface;
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x - 6, y + 10 * way);
    context.lineTo(x + 6, y + 10 * way);
    context.closePath();
    context.stroke();
    context.fill();
  }

  crosshair(x, y, priceText, timeText) {
    const { colours } = this;
    this.line(Math.round(x) + 0.5, 0, Math.round(x) + 0.5, this.height, colours.text, [3, 3]);
    if (y !== null) {
      this.line(0, Math.round(y) + 0.5, this.width, Math.round(y) + 0.5, colours.text, [3, 3]);
      this.tag(y, priceText, colours.strong);
    }
    this.pill(x, this.height + AXIS_HEIGHT / 2, timeText, colours.strong, "centre");
  }
}
