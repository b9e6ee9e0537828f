// The ticket: suggestions, live prices and buttons that set the price. Without it the form works as it stands.

import { add, compare, div, format, mul, parse, round, sub, toText } from "./decimal.js";
import { live } from "./live.js";

const QUIET_FOR = 200;

// A page that answers a form can't be come back to: the browser would ask whether to send the form once more, or say that
// it has expired. So such a page stands in the history as the ticket that led to it.
function comeBackToTicket(form) {
  const query = [...new FormData(form)].filter(([name, value]) => value && name !== "csrfmiddlewaretoken");
  history.replaceState(null, "", `/trade?${new URLSearchParams(query)}`);
}

function later(act) {
  let timer = null;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), QUIET_FOR);
  };
}

// Send locks at once. The key in the form is what keeps a second click harmless; this is politeness.
function lockOnSend(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    form.querySelector("button[type=submit]").setAttribute("aria-disabled", "true");
  });
  addEventListener("pageshow", () => delete form.dataset.sent);
}

class Ticket {
  constructor(form) {
    this.form = form;
    this.fields = form.elements;
    this.quoteBox = document.getElementById("ticket-quote");
    this.chooser = document.getElementById("option-chooser");
    this.increments = [];
    this.known = null;
    this.wantsPrice = !this.fields.limit_price.value;
    this.suggestions();
    this.symbolField.addEventListener("change", () => this.symbolChanged());
    this.fields.account.addEventListener("change", () => this.look());
    this.fields.order_type.addEventListener("change", () => this.showLimit());
    this.fields.limit_price.addEventListener("input", () => (this.wantsPrice = false));
    document.getElementById("choose-option").addEventListener("click", (event) => this.chooseOption(event));
    document.getElementById("price-buttons").addEventListener("click", (event) => this.setPrice(event));
    live.onQuote((connection, symbol) => connection === this.connection && symbol === this.symbol && this.showQuote());
    this.showLimit();
    if (this.symbolField.value) this.look();
  }

  get symbolField() {
    return this.fields.symbol;
  }

  get connection() {
    return this.fields.account.selectedOptions[0]?.dataset.connection ?? "";
  }

  get symbol() {
    return this.known;
  }

  get quote() {
    return this.symbol ? live.quote(this.connection, this.symbol) : null;
  }

  address(base, more) {
    const query = new URLSearchParams({ account: this.fields.account.value, ...more });
    return `${base}?${query}`;
  }

  // Suggestions

  suggestions() {
    const list = document.createElement("datalist");
    list.id = "symbol-suggestions";
    this.form.append(list);
    this.symbolField.setAttribute("list", list.id);
    const ask = later((text) => this.suggest(list, text));
    this.symbolField.addEventListener("input", () => ask(this.symbolField.value.trim()));
  }

  async suggest(list, query) {
    if (!/^[\x21-\x7e][\x20-\x7e]{0,19}$/.test(query)) return;
    const found = await this.json(this.address(this.form.dataset.symbols, { query }));
    if (!found?.results) return;
    const options = found.results.map(({ symbol, description }) => {
      const option = document.createElement("option");
      option.value = symbol;
      option.label = description ? `${symbol} · ${description}` : symbol;
      return option;
    });
    list.replaceChildren(...options);
  }

  // The symbol

  // A price belongs to its symbol.
  symbolChanged() {
    if (this.known && this.known !== this.symbolField.value.trim().toUpperCase()) {
      this.fields.limit_price.value = "";
      this.wantsPrice = true;
    }
    this.look();
  }

  async look() {
    const symbol = this.symbolField.value.trim();
    if (!symbol) return;
    const found = await this.json(this.address(this.form.dataset.instrument, { symbol }));
    if (this.symbolField.value.trim() !== symbol) return;
    document.getElementById("symbol-name").textContent = found?.problem ?? found?.description ?? "";
    this.known = found?.symbol ?? null;
    this.increments = found?.increments ?? [];
    this.showUnits(found);
    this.showQuoteOf(this.known ? this.connection : "", this.known ?? "");
    this.showQuote();
  }

  // A contract's price is per share of what it is on.
  showUnits(found) {
    const hint = document.getElementById(`${this.fields.limit_price.id}_helptext`);
    const size = found?.is_option ? found.multiplier : null;
    hint.textContent = size ? `Per share: one contract is ${size} times this.` : "Per share.";
  }

  async json(address) {
    try {
      const answer = await fetch(address, { credentials: "same-origin", headers: { Accept: "application/json" } });
      return await answer.json();
    } catch {
      return null;
    }
  }

  // Prices

  mid() {
    const { bid, ask } = this.quote ?? {};
    if (parse(bid) === null || parse(ask) === null) return null;
    return div(add(bid, ask), "2");
  }

  // What a price button stands for: a price that an order may have.
  offered(name) {
    const price = name === "mid" ? this.mid() : parse(this.quote?.[name] ?? null);
    return price === null || name !== "mid" ? price : this.onGrid(price);
  }

  step(price) {
    for (const [below, increment] of this.increments) {
      if (below === null || compare(price, below) < 0) return increment;
    }
    return "0.01";
  }

  onGrid(price) {
    const increment = this.step(price);
    return mul(round(div(price, increment), 0), increment);
  }

  showQuoteOf(connection, symbol) {
    const shown = this.quoteBox.dataset;
    if (shown.connection === connection && shown.symbol === symbol) return;
    Object.assign(shown, { connection, symbol });
    for (const cell of this.quoteBox.querySelectorAll("dd")) cell.textContent = "—";
    live.rescan();
  }

  showQuote() {
    document.getElementById("ticket-mid").textContent = format.price(this.mid());
    for (const button of document.querySelectorAll("#price-buttons button")) {
      const { price } = button.dataset;
      button.disabled = price ? this.offered(price) === null : !this.known;
    }
    this.startAtMid();
  }

  setPrice(event) {
    const { price, step } = event.target.dataset ?? {};
    const field = this.fields.limit_price;
    if (price || step) this.wantsPrice = false;
    if (price) field.value = toText(this.offered(price)) ?? field.value;
    if (step && parse(field.value) !== null) {
      const size = this.step(field.value);
      const moved = step === "1" ? add(field.value, size) : sub(field.value, size);
      if (compare(moved, "0") > 0) field.value = toText(moved);
    }
  }

  // An untouched price starts at the middle, once for each symbol; it does not follow from there.
  startAtMid() {
    const price = this.wantsPrice ? this.offered("mid") : null;
    if (price === null || compare(price, "0") <= 0) return;
    this.fields.limit_price.value = toText(price);
    this.wantsPrice = false;
  }

  showLimit() {
    document.getElementById("limit-field").hidden = this.fields.order_type.value !== "limit";
  }

  // Options

  async chooseOption(event) {
    event.preventDefault();
    const symbol = this.symbolField.value.trim();
    await this.showOptions(this.address(this.form.dataset.options, { symbol }));
  }

  async showOptions(address) {
    const url = new URL(address, location.href);
    url.searchParams.set("fragment", "1");
    const answer = await fetch(url, { credentials: "same-origin" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    this.chooser.replaceChildren(...page.body.childNodes);
    this.chooser.hidden = false;
    this.chooser.onclick = (event) => this.optionClicked(event);
    live.rescan();
    const [middle] = this.chooser.getElementsByClassName("at-the-money");
    const box = middle?.closest(".table-scroll");
    if (box) box.scrollTop = middle.offsetTop - box.clientHeight / 2;
  }

  optionClicked(event) {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    if (!link.dataset.option) {
      this.showOptions(link.href);
      return;
    }
    this.symbolField.value = link.dataset.option;
    this.chooser.hidden = true;
    this.chooser.replaceChildren();
    this.fields.limit_price.value = "";
    this.wantsPrice = true;
    this.look();
    this.symbolField.focus();
  }
}

const form = document.getElementById("ticket");
if (form) new Ticket(form);
if (form && "answered" in form.dataset) comeBackToTicket(form);
const send = document.getElementById("send");
if (send) lockOnSend(send);
if (send) comeBackToTicket(document.getElementById("change"));
