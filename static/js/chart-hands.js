// What hands do to a chart: pointer, wheel, fingers and keys on its canvas.

export class Hands {
  #canvas;
  #chart;
  #pointers = new Map();

  constructor(canvas, chart) {
    this.#canvas = canvas;
    this.#chart = chart;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.#up(event));
    canvas.addEventListener("pointerleave", () => this.#pointers.size || chart.hover(-1));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => chart.hover(-1));
  }

  #down(event) {
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event.offsetX);
  }

  #move(event) {
    const chart = this.#chart;
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) return chart.hover(chart.indexAt(event.offsetX), event.offsetY);
    const gap = this.#gap();
    this.#pointers.set(event.pointerId, event.offsetX);
    if (gap) chart.zoom(gap / Math.max(1, this.#gap()), 0.5);
    else if (event.pointerType !== "touch" || Math.abs(event.offsetX - before) > 0) {
      chart.pan((before - event.offsetX) / chart.pitch);
    }
  }

  #up(event) {
    this.#pointers.delete(event.pointerId);
    if (event.pointerType === "touch") this.#chart.hover(this.#chart.indexAt(event.offsetX), event.offsetY);
  }

  // How far two fingers are apart; 0 for one.
  #gap() {
    const [one, other] = [...this.#pointers.values()];
    return other === undefined ? 0 : Math.abs(one - other);
  }

  // The page scrolls on unless the chart was chosen: only then, or with Ctrl, the wheel zooms.
  #wheel(event) {
    const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!isSideways && !event.ctrlKey && document.activeElement !== this.#canvas) return;
    event.preventDefault();
    if (isSideways) this.#chart.pan(event.deltaX / this.#chart.pitch);
    else this.#chart.zoom(Math.exp(event.deltaY / 400), event.offsetX / this.#chart.plotWidth);
  }

  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const chart = this.#chart;
    const acts = {
      ArrowLeft: () => (event.shiftKey ? chart.pan(-chart.count / 8) : chart.step(-1)),
      ArrowRight: () => (event.shiftKey ? chart.pan(chart.count / 8) : chart.step(1)),
      PageUp: () => chart.pan(-chart.count * 0.9),
      PageDown: () => chart.pan(chart.count * 0.9),
      Home: () => chart.step(-chart.bars.length),
      End: () => chart.newest(),
      "+": () => chart.zoom(0.8),
      "=": () => chart.zoom(0.8),
      "-": () => chart.zoom(1.25),
      Escape: () => chart.hover(-1),
    };
    if (!(event.key in acts)) return;
    event.preventDefault();
    acts[event.key]();
  }
}
