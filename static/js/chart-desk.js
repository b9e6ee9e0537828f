// The chart's place on the page: what was chosen, bars from the desk, the newest bar moved by live trades.

import { ChartTable } from "./chart-table.js";
import { Chart } from "./chart.js";
import { ChartWords } from "./chart-words.js";
import { format } from "./decimal.js";
import { live } from "./live.js";

const DAY = 86_400_000;
const MINUTES = { "1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240 };
const AGAIN_EVERY = 60_000;
const NEWER_EVERY = 5_000;
const KEPT_UNDER = "chart";
const CHOSEN = { interval: "1d", kind: "candles", extended: false, volume: true, averages: [20] };
const CLOSED = new Set(["pre", "post", "closed"]);

function remembered() {
  try {
    return { ...CHOSEN, ...JSON.parse(localStorage.getItem(KEPT_UNDER) ?? "{}") };
  } catch {
    return { ...CHOSEN };
  }
}

function remember(chosen) {
  try {
    localStorage.setItem(KEPT_UNDER, JSON.stringify(chosen));
  } catch {
    // Storage is blocked: the choice holds for this page.
  }
}

function barOf(row) {
  const text = { open: row.open, high: row.high, low: row.low, close: row.close, volume: row.volume };
  const numbers = Object.fromEntries(Object.entries(text).map(([name, value]) => [name, value && Number(value)]));
  return { ...numbers, at: Date.parse(row.at), text: { ...text, ...priced(text) } };
}

// As it is read: the axis and the legend show these.
function priced({ open, high, low, close }) {
  return { open: format.price(open), high: format.price(high), low: format.price(low), close: format.price(close) };
}

export class ChartDesk {
  #panel;
  #chosen = remembered();
  #bars = [];
  #chart;
  #table;
  #words;
  #asking = null;
  #hasEarlier = true;
  #askedAt = 0;
  #marks = "";
  #hoveredAt = null;

  constructor(panel) {
    this.#panel = panel;
    if (!panel.querySelector(`[data-interval="${CSS.escape(this.#chosen.interval)}"]`)) this.#chosen.interval = "1d";
    const box = panel.querySelector("#chart-box");
    box.hidden = false;
    this.canvas = box.querySelector("canvas");
    this.#chart = new Chart(this.canvas, {
      onHover: (bar, byKey) => this.#hovered(bar, byKey),
      onEarlier: () => this.#earlier(),
    });
    this.#table = new ChartTable(panel.querySelector("#chart-table"), () => this.#chart);
    this.#words = new ChartWords(panel, this.#chart);
    panel.addEventListener("click", (event) => this.#clicked(event));
    live.onQuote((connection, symbol, quote) => {
      const { connectionOf, symbolOf } = panel.dataset;
      if (connection === connectionOf && symbol === symbolOf) this.#traded(quote);
    });
    setInterval(() => document.hidden || this.#newer(AGAIN_EVERY), 10_000);
    this.#apply();
    this.load();
  }

  // What was chosen

  get #isDaily() {
    return !(this.#chosen.interval in MINUTES);
  }

  get #span() {
    return (MINUTES[this.#chosen.interval] ?? 1440) * 60_000;
  }

  get #button() {
    return this.#panel.querySelector(`[data-interval="${this.#chosen.interval}"]`);
  }

  #clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { interval, kind, toggle, average, move } = button.dataset;
    if (move) return this.#move(move);
    if (button.hasAttribute("data-again")) return this.load();
    if (interval) this.#chosen.interval = interval;
    else if (kind) this.#chosen.kind = kind;
    else if (toggle) this.#chosen[toggle] = !this.#chosen[toggle];
    else if (average) this.#toggleAverage(Number(average));
    else return;
    remember(this.#chosen);
    this.#apply();
    if (interval || toggle === "extended") this.load();
  }

  #toggleAverage(length) {
    const others = this.#chosen.averages.filter((one) => one !== length);
    const isOn = others.length < this.#chosen.averages.length;
    this.#chosen.averages = isOn ? others : [...others, length].sort((a, b) => a - b);
  }

  #move(move) {
    const moves = {
      earlier: () => this.#chart.pan(-20),
      later: () => this.#chart.pan(20),
      in: () => this.#chart.zoom(0.75),
      out: () => this.#chart.zoom(1.33),
      newest: () => this.#chart.newest(),
    };
    moves[move]?.();
  }

  #apply() {
    const { interval, kind, averages } = this.#chosen;
    for (const button of this.#panel.querySelectorAll(".chart-bar button[aria-pressed]")) {
      const { interval: span, kind: drawn, toggle, average } = button.dataset;
      const isOn =
        span === interval || drawn === kind || this.#chosen[toggle] === true || averages.includes(Number(average));
      button.setAttribute("aria-pressed", String(isOn));
    }
    this.#chart.set({ kind, averages, hasVolume: this.#chosen.volume, hasShades: this.#chosen.extended });
    this.#words.show(this.#bars.at(-1));
  }

  // Bars

  async load() {
    this.#hasEarlier = true;
    this.canvas.setAttribute("aria-busy", "true");
    const reach = Number(this.#button.dataset.reach) * DAY;
    const rows = await this.#ask({ start: new Date(Date.now() - reach) });
    if (rows === null) {
      // Bars of another length must not stand under this one's name. Another question has begun: it will tell.
      if (!this.#asking) this.#take([], false);
      return;
    }
    this.#take(rows.map(barOf), false);
    this.canvas.removeAttribute("aria-busy");
    this.#say(rows.length ? "" : "There are no bars for this time.");
  }

  async #earlier() {
    if (!this.#hasEarlier || this.#asking || !this.#bars.length) return;
    const first = this.#bars[0].at;
    const reach = Number(this.#button.dataset.reach) * DAY;
    const rows = await this.#ask({ start: new Date(first - reach), end: new Date(first) });
    if (rows === null) return;
    const older = rows.map(barOf).filter((bar) => bar.at < first);
    this.#hasEarlier = older.length > 0;
    if (older.length) this.#take([...older, ...this.#bars], true);
  }

  // The last bars anew: what live trades can't tell (volume), and the bar that has begun since.
  async #newer(every) {
    if (this.#asking || !this.#bars.length || Date.now() - this.#askedAt < every || live.paused) return;
    const start = new Date(this.#bars.at(-1).at - 3 * this.#span);
    const rows = await this.#ask({ start }, true);
    for (const bar of (rows ?? []).map(barOf)) this.#takeLast(bar);
    this.#table.refresh();
  }

  async #ask(span, isQuiet = false) {
    const { bars, account } = this.#panel.dataset;
    const query = new URLSearchParams({ account, interval: this.#chosen.interval });
    for (const [name, moment] of Object.entries(span)) query.set(name, moment.toISOString());
    if (this.#chosen.extended && this.#panel.hasAttribute("data-has-extended")) query.set("extended", "true");
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    this.#askedAt = Date.now();
    try {
      const answer = await fetch(`${bars}?${query}`, { credentials: "same-origin", signal: asking.signal });
      const found = await answer.json();
      if (!answer.ok) throw new Error(found.detail ?? "");
      this.#source(found);
      return found.bars;
    } catch (error) {
      if (asking === this.#asking && !isQuiet) this.#say(error.message || "The desk can't be reached.", true);
      return null;
    } finally {
      if (asking === this.#asking) this.#asking = null;
    }
  }

  #take(bars, keep) {
    this.#bars = bars;
    this.#chart.setBars(bars, { isDaily: this.#isDaily, keep });
    this.showMarks(this.#marks);
    this.#words.show(bars.at(-1));
    this.#table.refresh();
    const { symbolOf } = this.#panel.dataset;
    const last = bars.at(-1);
    const words = last ? `last close ${last.text.close}` : "no bars";
    this.canvas.setAttribute("aria-label", `${symbolOf}, ${this.#button.textContent.trim()} bars, ${words}`);
  }

  #takeLast(bar) {
    const at = this.#bars.findLastIndex((one) => one.at === bar.at);
    if (at >= 0) this.#bars[at] = bar;
    else if (bar.at > (this.#bars.at(-1)?.at ?? 0)) this.#bars.push(bar);
    if (bar.at >= this.#bars.at(-1).at) {
      this.#chart.setLast(bar);
      if (!this.#hoveredAt) this.#words.show(bar);
    }
  }

  // A trade moves the bar that runs; when its time is over the desk is asked for the next one.
  #traded(quote) {
    const bar = this.#bars.at(-1);
    if (!bar || quote.last == null || (this.#isDaily && CLOSED.has(document.documentElement.dataset.market))) return;
    if (Date.now() >= bar.at + this.#lasts()) return void this.#newer(NEWER_EVERY);
    const price = Number(quote.last);
    if (price === bar.close) return;
    const text = { ...bar.text, close: format.price(quote.last) };
    if (price > bar.high) text.high = text.close;
    if (price < bar.low) text.low = text.close;
    const moved = { ...bar, close: price, high: Math.max(bar.high, price), low: Math.min(bar.low, price), text };
    this.#bars[this.#bars.length - 1] = moved;
    this.#chart.setLast(moved);
    if (!this.#hoveredAt || this.#hoveredAt === moved.at) this.#words.show(moved, this.#hoveredAt !== null);
  }

  // A day's bar is dated by its day at midnight UTC and runs until that day is over in New York.
  #lasts() {
    const { interval } = this.#chosen;
    if (!this.#isDaily) return this.#span;
    return { "1d": 1, "1w": 7, "1mo": 31 }[interval] * DAY + DAY / 4;
  }

  // Marks

  showMarks(levels) {
    this.#marks = levels;
    const { fills, orders, cost } = JSON.parse(levels || '{"fills":[],"orders":[],"cost":null}');
    const drawn = (one) => ({ ...one, price: Number(one.price), text: format.price(one.price) });
    const at = (fill) => (this.#isDaily ? { ...fill, at: fill.at - DAY / 6 } : fill);
    this.#chart.set({ marks: { fills: fills.map(at), orders: orders.map(drawn), cost: cost && drawn(cost) } });
    this.#words.fills = fills.map(at);
  }

  // Words

  #hovered(bar, byKey) {
    this.#hoveredAt = bar?.at ?? null;
    this.#words.show(bar ?? this.#bars.at(-1), bar !== null);
    if (byKey && bar) this.#words.tell(bar);
  }

  #source({ source, as_of }) {
    const when = new Date(as_of).toLocaleTimeString("en-GB", { timeZone: "America/New_York" });
    const words = `Bars from ${this.#panel.dataset.source}${source.delayed ? ", delayed" : ""}, as of ${when} ET`;
    this.#panel.querySelector("#chart-source").textContent = words;
  }

  #say(words, canRetry = false) {
    const place = this.#panel.querySelector("#chart-words");
    place.hidden = !words;
    place.replaceChildren(words);
    if (!canRetry) return;
    const again = document.createElement("button");
    Object.assign(again, { type: "button", className: "btn", textContent: "Try again" });
    again.dataset.again = "";
    place.append(" ", again);
    this.canvas.removeAttribute("aria-busy");
  }
}
