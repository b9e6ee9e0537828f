// The option chain: expirations, columns and legs without a new page; prices and Greeks in place. Without it the page is
// links and buttons that the desk answers with a page.

import { Board } from "./chain-board.js";
import { Keys } from "./chain-keys.js";
import { Tray } from "./chain-tray.js";
import { live } from "./live.js";
import { patch } from "./patch.js";
import { toast } from "./toast.js";

const REFRESH_EVERY = 60_000;
const ESTIMATES_EVERY = 20_000;
const AFTER_NEWS = 1200;

class ChainPage {
  constructor(root) {
    this.root = root;
    this.turn = Promise.resolve();
    this.drawnAt = Date.now();
    this.board = new Board(root);
    this.tray = new Tray(root);
    this.keys = new Keys(root, (entries) => this.change(entries));
    root.addEventListener("click", (event) => this.clicked(event));
    root.addEventListener("submit", (event) => this.submitted(event));
    live.onQuote((connection, symbol, quote) => this.quoted(connection, symbol, quote));
    live.onPortfolio(({ account }) => account === this.account && this.soon());
    document.addEventListener("visibilitychange", () => this.everySecond());
    setInterval(() => this.everySecond(), 1000);
    this.drawn();
    this.board.showMoney();
    this.showExpiry();
  }

  get form() {
    return document.getElementById("chain-form");
  }

  get account() {
    return this.form.elements.account.value;
  }

  // What the page shows now, as an address without the legs' changes.
  get query() {
    return new URLSearchParams([...new FormData(this.form)]);
  }

  get address() {
    return `${this.form.getAttribute("action")}?${this.query}`;
  }

  // After parts were put in anew.
  drawn() {
    this.drawnAt = Date.now();
    this.keepLegs();
    this.board.drawn(this.tray.legs);
    this.tray.drawn();
    this.keys.drawn();
    live.rescan();
  }

  // The legs stand in the tray; the form's hidden fields and all links carry them on.
  keepLegs() {
    const { legs } = this.tray;
    this.form.querySelectorAll("input[name=leg]").forEach((field) => field.remove());
    const fields = legs.map(({ text }) => {
      const field = document.createElement("input");
      return Object.assign(field, { type: "hidden", name: "leg", value: text });
    });
    this.form.elements.account.after(...fields);
    for (const link of this.root.querySelectorAll("a[data-go]")) {
      const url = new URL(link.href);
      url.searchParams.delete("leg");
      for (const { text } of legs) url.searchParams.append("leg", text);
      link.href = url.href;
    }
    history.replaceState(null, "", this.address);
  }

  quoted(connection, symbol, quote) {
    if (connection !== this.root.dataset.connectionId) return;
    this.board.quoted(symbol, quote);
    this.tray.quoted(symbol);
  }

  clicked(event) {
    const link = event.target.closest("a");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.id === "jump") {
      event.preventDefault();
      this.toTheMoney();
    } else if (link.dataset.go !== undefined) {
      event.preventDefault();
      if (link.dataset.side) this.board.show(link.dataset.side);
      this.go(link.href);
    }
  }

  submitted(event) {
    const { submitter } = event;
    if (!submitter?.name) return;
    event.preventDefault();
    const fields = event.target.id === "picker" ? [...new FormData(event.target)] : [];
    this.change([...fields.filter(([name]) => name.startsWith("pick_")), [submitter.name, submitter.value]]);
  }

  // One after the other: each starts from what the one before has left.
  inTurn(act) {
    this.turn = this.turn.then(act).catch((error) => {
      console.warn(error);
      toast("The desk did not answer: nothing was changed. Try again.", { kind: "warn" });
    });
    return this.turn;
  }

  change(entries) {
    return this.inTurn(async () => {
      const query = this.query;
      for (const [name, value] of entries) query.append(name, value);
      query.set("fragment", "tray");
      const page = await this.ask(`${this.form.getAttribute("action")}?${query}`);
      const fresh = page.getElementById("legs");
      if (!fresh) throw new Error("No legs came back.");
      patch(document.getElementById("legs"), fresh);
      this.drawn();
    });
  }

  go(href) {
    this.root.setAttribute("aria-busy", "true");
    const expiry = this.form.elements.expiry.value;
    const count = this.form.elements.strikes.value;
    return this.inTurn(async () => {
      await this.draw(new URL(href));
      const { expiry: nextExpiry, strikes } = this.form.elements;
      if (nextExpiry.value !== expiry || strikes.value !== count) this.board.showMoney();
      this.showExpiry();
    }).finally(() => this.root.removeAttribute("aria-busy"));
  }

  // The newest of everything, with the same rows: nothing moves under the pointer.
  refresh() {
    return this.inTurn(async () => {
      const url = new URL(this.address, location.href);
      url.searchParams.set("around", this.board.around);
      await this.draw(url);
    });
  }

  async toTheMoney() {
    if (!this.board.isCentred) await this.go(new URL(this.address, location.href).href);
    this.board.showMoney({ smoothly: true });
    this.keys.toTheMoney();
  }

  async draw(url) {
    const { legs } = this.tray;
    url.searchParams.delete("leg");
    for (const { text } of legs) url.searchParams.append("leg", text);
    url.searchParams.set("fragment", "1");
    const page = await this.ask(url);
    const fresh = this.root.cloneNode(false);
    fresh.append(...page.body.childNodes);
    if (!fresh.querySelector("#chain-form")) throw new Error("No chain came back.");
    patch(this.root, fresh);
    this.drawn();
  }

  async ask(url) {
    const answer = await fetch(url, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) throw new Error(`The desk answered ${answer.status}.`);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  showExpiry() {
    const strip = document.getElementById("expiries");
    const shown = strip.querySelector("[aria-current]");
    if (!shown) return;
    const { offsetLeft, offsetWidth } = shown.parentElement;
    if (offsetLeft < strip.scrollLeft || offsetLeft + offsetWidth > strip.scrollLeft + strip.clientWidth) {
      strip.scrollLeft = offsetLeft - (strip.clientWidth - offsetWidth) / 2;
    }
  }

  soon() {
    clearTimeout(this.news);
    this.news = setTimeout(() => this.refresh(), AFTER_NEWS);
  }

  everySecond() {
    if (document.hidden || live.paused || live.state.state === "sign_in_needed") return;
    const every = this.root.dataset.greeksStreamed ? REFRESH_EVERY : ESTIMATES_EVERY;
    if (Date.now() - this.drawnAt < every) return;
    this.drawnAt = Date.now();
    this.refresh();
  }
}

const root = document.getElementById("chain");
if (root?.querySelector("#chain-form")) new ChainPage(root);
