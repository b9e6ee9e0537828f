// The chart's figures as a table, for those who can't see or don't want the picture. Made when it is opened.

import { wordsOf } from "./chart-scale.js";
import { format } from "./decimal.js";

const MOST_ROWS = 250;
const HEADS = ["Begins", "Open", "High", "Low", "Close", "Volume"];

function cell(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function rowOf(bar, isDaily) {
  const { open, high, low, close, volume } = bar.text;
  const row = document.createElement("tr");
  const figures = [open, high, low, close, format.count(volume)];
  row.append(cell("th", wordsOf(bar.moment, isDaily), { scope: "row" }));
  row.append(...figures.map((text) => cell("td", text, { class: "num public" })));
  return row;
}

export class ChartTable {
  #details;
  #chart;

  // `chart()` gives the chart: there is none yet when the table is made.
  constructor(details, chart) {
    this.#details = details;
    this.#chart = chart;
    details.addEventListener("toggle", () => this.refresh());
  }

  refresh() {
    if (!this.#details.open) return;
    const { bars, isDaily } = this.#chart();
    const place = this.#details.querySelector("#chart-rows");
    const region = cell("div", "", { class: "table-scroll chart-rows", tabindex: "0", role: "region" });
    region.setAttribute("aria-label", "Figures of the chart");
    const table = cell("table", "", { class: "data" });
    const head = document.createElement("tr");
    head.append(...HEADS.map((text, at) => cell("th", text, at ? { scope: "col", class: "num" } : { scope: "col" })));
    table.createTHead().append(head);
    table.createTBody().append(...bars.slice(-MOST_ROWS).reverse().map((bar) => rowOf(bar, isDaily)));
    table.prepend(cell("caption", `The newest ${Math.min(MOST_ROWS, bars.length)} bars, newest first.`));
    region.append(table);
    const scrolled = place.firstElementChild?.scrollTop ?? 0;
    place.replaceChildren(region);
    region.scrollTop = scrolled;
  }
}
