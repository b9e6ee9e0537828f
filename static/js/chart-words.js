// A chart in words: the figures under the crosshair, or of the newest bar, and what a key tells who does not see it.

import { wordsOf } from "./chart-scale.js";
import { compare, format } from "./decimal.js";

export class ChartWords {
  #panel;
  #chart;
  fills = [];

  constructor(panel, chart) {
    this.#panel = panel;
    this.#chart = chart;
  }

  tell(bar) {
    const { open, high, low, close, volume } = bar.text;
    const when = wordsOf(bar.moment, this.#chart.isDaily);
    const fills = this.#fillsOf(bar).map(({ words }) => `. ${words}`);
    const told = `${when}: open ${open}, high ${high}, low ${low}, close ${close}, volume ${format.count(volume)}`;
    this.#panel.querySelector("#chart-told").textContent = told + fills.join("");
  }

  #fillsOf(bar) {
    const index = this.#chart.indexOf(bar.at);
    return this.fills.filter(({ at }) => this.#chart.indexOf(at) === index);
  }

  show(bar, isHovered = false) {
    const legend = this.#panel.querySelector("#chart-legend");
    if (!bar) return legend.replaceChildren();
    const dated = bar.moment ? bar : this.#chart.bars.findLast((one) => one.at === bar.at);
    const { open, high, low, close, volume } = bar.text;
    const fills = isHovered && dated ? this.#fillsOf(dated) : [];
    const parts = [
      ["", dated ? wordsOf(dated.moment, this.#chart.isDaily) : "", ""],
      ["O", open, ""],
      ["H", high, ""],
      ["L", low, ""],
      ["C", close, compare(close.replace(/,/g, ""), open.replace(/,/g, "")) < 0 ? "down" : "up"],
      ["Vol", format.count(volume), ""],
      ...this.#chart.averagesAt(bar).map(({ length, value }, index) => [
        `MA ${length}`,
        value === null ? "—" : format.price(value.toFixed(2)),
        ["chart-first", "chart-second", "chart-third"][index % 3],
      ]),
      ...fills.map(({ words, side }) => ["", `${side === "buy" ? "▲" : "▼"} ${words}`, ""]),
    ];
    legend.replaceChildren(...parts.filter(([, text]) => text).map(legendPart));
  }
}

function legendPart([name, text, className]) {
  const part = document.createElement("span");
  if (className) part.className = className;
  if (name) {
    const label = document.createElement("span");
    label.className = "muted";
    label.textContent = `${name} `;
    part.append(label);
  }
  part.append(text);
  return part;
}
