// What is seen of a chart's bars: the first of them, and how many. Both may be broken numbers. No drawing, no page.

const FEWEST = 12;
const PITCHES = { wide: 8, narrow: 5 };
const NARROW = 520;
const SPACE_AFTER = 4;
const EARLIER_AT = 10;

export class ChartWindow {
  first = 0;
  count = 120;
  #length = 0;

  // How many bars there are.
  set length(length) {
    this.#length = length;
  }

  get last() {
    return this.first + this.count;
  }

  get isAtEnd() {
    return this.last >= this.#length;
  }

  // The bars that are seen at least in part: from one, up to but without another.
  get seen() {
    return [Math.max(0, Math.floor(this.first)), Math.min(this.#length, Math.ceil(this.last))];
  }

  // The newest bars, as many as are well seen in so many pixels.
  newest(width) {
    const pitch = width < NARROW ? PITCHES.narrow : PITCHES.wide;
    this.count = Math.max(FEWEST, Math.min(this.#length + SPACE_AFTER, Math.floor(width / pitch)));
    this.#toEnd();
  }

  // To so many pixels, with bars as wide as they were; `pitch` is null before the first time.
  fit(width, pitch) {
    const wasAtEnd = this.isAtEnd;
    this.count = Math.max(FEWEST, width / (pitch ?? PITCHES.wide));
    if (wasAtEnd) this.#toEnd();
  }

  #toEnd() {
    this.first = this.#length + SPACE_AFTER - this.count;
  }

  // Moved by so many bars, or seen through so many times more of them. Says whether earlier bars are wanted.
  pan(bars) {
    this.first += bars;
    return this.#settle();
  }

  zoom(factor, at) {
    const count = Math.max(FEWEST, Math.min(this.#length + SPACE_AFTER, this.count * factor));
    this.first += (this.count - count) * at;
    this.count = count;
    return this.#settle();
  }

  #settle() {
    const last = this.#length + SPACE_AFTER - this.count;
    const wantsEarlier = this.first < EARLIER_AT && this.#length > 0;
    this.first = Math.min(Math.max(this.first, Math.min(0, last)), Math.max(0, this.#length - FEWEST));
    return wantsEarlier;
  }

  // Moved as little as shows a bar.
  include(index) {
    if (index < this.first) this.first = index;
    if (index > this.last - 1) this.first = index - this.count + 1;
  }

  // The bar at a share of the width.
  indexAt(share) {
    return Math.min(this.#length - 1, Math.max(0, Math.floor(this.first + share * this.count)));
  }
}
