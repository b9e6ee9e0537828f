// The ticket: its buttons without a new page, live prices, figures that follow. Without it the form works as it stands.

import { Chooser } from "./ticket-chooser.js";
import { TicketPrice } from "./ticket-price.js";
import { live } from "./live.js";

const QUIET_FOR = 200;
const FIGURES_EVERY = 5000;
const AFTER_QUOTES = 800;
const WAITED_FOR = 300;

// A page that answers a form can't be come back to: the browser would ask whether to send the form once more, or say that
// it has expired. So such a page stands in the history as the ticket that led to it.
function comeBackToTicket(form) {
  history.replaceState(null, "", `/trade?${queryOf(form)}`);
}

function queryOf(form, more = {}) {
  const query = [...new FormData(form)].filter(([name, value]) => value && name !== "csrfmiddlewaretoken");
  return new URLSearchParams([...query, ...Object.entries(more)]);
}

function later(act, delay = QUIET_FOR) {
  let timer = null;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), delay);
  };
}

// Send locks at once. The key in the form is what keeps a second click harmless; this is politeness.
function lockOnSend(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    form.querySelector("button[type=submit]:not([form])").setAttribute("aria-disabled", "true");
  });
  addEventListener("pageshow", () => delete form.dataset.sent);
}

class Ticket {
  constructor(form) {
    this.form = form;
    this.parts = document.getElementById("ticket-parts");
    this.panel = document.getElementById("ticket-figures");
    this.turn = Promise.resolve();
    this.changing = 0; // how many looks for other legs are under way
    this.figuresAt = 0;
    this.price = new TicketPrice(form);
    this.chooser = new Chooser(form, (changes) => this.edit(changes));
    this.suggestions();
    this.refreshSoon = later(() => this.showFigures(), 400);
    form.addEventListener("click", (event) => this.clicked(event));
    form.addEventListener("keydown", (event) => this.keyPressed(event));
    form.addEventListener("input", () => this.refreshSoon());
    form.addEventListener("change", (event) => this.changed(event));
    form.addEventListener("submit", (event) => this.submitted(event));
    this.panel.addEventListener("click", (event) => event.target.id === "ask-broker" && this.showFigures({ ask: "1" }));
    live.onQuote((connection, symbol) => this.quoted(connection, symbol));
    this.price.ready();
    if (this.symbols.some((field) => field.value)) this.begin();
  }

  // A page that says what is wrong stays as it is: drawn anew it would say nothing.
  begin() {
    if (this.form.querySelector(".errorlist, [role=alert]")) this.showFigures();
    else this.edit({ edit: "show" });
  }

  get symbols() {
    return [...this.form.querySelectorAll("[name^=symbol]")];
  }

  get legsNow() {
    return this.symbols.map((field) => field.value).join(" ");
  }

  // Buttons and fields

  clicked(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.name === "edit") {
      event.preventDefault();
      this.edit({ edit: button.value });
    } else if (button.name === "choose") {
      event.preventDefault();
      this.chooser.open(button.value);
    } else if (this.price.clicked(button)) {
      this.refreshSoon();
    }
  }

  // What is reviewed is what the person sees: not while the desk looks up other legs, nor before there is a price.
  submitted(event) {
    if (!this.symbols.every((field) => field.value)) return;
    if (!this.changing && !this.price.isWaiting) return;
    event.preventDefault();
    if (this.changing) this.reviewNext = true;
    else this.price.sayWaiting();
  }

  // Enter in a field reviews: without this the browser would press the form's first button.
  keyPressed(event) {
    if (event.key !== "Enter" || !event.target.matches("input")) return;
    event.preventDefault();
    if (event.target.name.startsWith("symbol") && this.isNew(event.target)) this.symbolChanged(event.target);
    this.review();
  }

  review() {
    this.form.requestSubmit(this.form.querySelector(".btn-primary"));
  }

  changed(event) {
    const { name } = event.target;
    if (name.startsWith("symbol")) this.symbolChanged(event.target);
    else if (name === "account") this.edit({ edit: "show" });
    else this.price.changed(name);
  }

  // A price belongs to its symbol, and so do the words "to open" and "to close".
  symbolChanged(field) {
    const { leg } = field.closest("[data-leg]").dataset;
    if (field.value.trim()) this.edit({ edit: this.isNew(field) ? `fill:${leg}` : "show" });
  }

  isNew(field) {
    return field.value.trim().toUpperCase() !== (field.closest("[data-leg]").dataset.symbol ?? "");
  }

  // One after the other: each starts from what the one before has left.
  edit(changes) {
    this.turn = this.turn.then(() => this.send(changes)).catch(() => this.fallBack(changes));
    if (changes.edit === "show") return this.turn;
    this.price.forget();
    this.changing += 1;
    setTimeout(() => this.sayBusy(), WAITED_FOR);
    return (this.turn = this.turn.then(() => this.settled()));
  }

  // Who pressed Review meanwhile goes on to it, unless there is something to read first.
  settled() {
    this.changing -= 1;
    this.sayBusy();
    if (this.changing || !this.reviewNext) return;
    this.reviewNext = false;
    if (!this.parts.querySelector("[role=alert]")) this.review();
  }

  // A chain that the desk has not met yet takes seconds: meanwhile what stands there is the ticket of before.
  sayBusy() {
    const words = this.changing ? "Looking up the legs…" : "";
    const place = document.getElementById("legs-status");
    if (place && place.textContent !== words) place.textContent = words;
  }

  async send(changes) {
    if (changes.edit !== "show") this.price.forget();
    const body = new FormData(this.form);
    for (const [name, value] of Object.entries({ ...changes, fragment: "1" })) body.set(name, value);
    const answer = await fetch(this.form.getAttribute("action"), { method: "POST", body, credentials: "same-origin" });
    if (!answer.ok || answer.redirected) throw new Error("The desk did not answer.");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    this.swap(page.body, body);
  }

  // The page's own way: a whole form, as without a script. What only looks is not worth a new page.
  fallBack(changes) {
    this.price.ready();
    if (changes.edit === "show") return;
    const note = document.createElement("p");
    note.className = "form-error";
    note.setAttribute("role", "alert");
    note.textContent = "The desk can't be reached: nothing was changed. Try again in a moment.";
    this.parts.prepend(note);
  }

  // What was typed while the answer was on its way stays; the focus stays where it was.
  swap(fresh, sent) {
    const typed = [...new FormData(this.form)].filter(([name, value]) => sent.get(name) !== value);
    const held = document.activeElement;
    const selector = held?.name ? `[name="${held.name}"]${held.name === "edit" ? `[value="${held.value}"]` : ""}` : null;
    const range = held?.selectionStart ?? null;
    const inside = this.parts.contains(held);
    this.parts.replaceChildren(...fresh.childNodes);
    for (const [name, value] of typed) if (this.form.elements[name]) this.form.elements[name].value = value;
    for (const field of this.symbols) field.setAttribute("list", "symbol-suggestions");
    const again = inside && selector ? this.parts.querySelector(selector) : null;
    (again ?? (inside ? this.parts.querySelector("[name=edit]") : null))?.focus({ preventScroll: true });
    if (again?.type === "text" && range !== null) again.setSelectionRange(range, range);
    live.rescan();
    this.price.ready();
    if (this.changing > 1) this.sayBusy();
    if (this.legsOfFigures !== this.legsNow) this.panel.setAttribute("aria-busy", "true");
    this.showFigures();
  }

  // Suggestions

  suggestions() {
    const list = document.createElement("datalist");
    list.id = "symbol-suggestions";
    this.form.append(list);
    for (const field of this.symbols) field.setAttribute("list", list.id);
    const ask = later((text) => this.suggest(list, text));
    this.form.addEventListener("input", ({ target }) => target.name.startsWith("symbol") && ask(target.value.trim()));
  }

  async suggest(list, query) {
    if (!/^[\x21-\x7e][\x20-\x7e]{0,19}$/.test(query)) return;
    const address = `${this.form.dataset.symbols}?${new URLSearchParams({ account: this.form.elements.account.value, query })}`;
    const found = await fetch(address, { credentials: "same-origin", headers: { Accept: "application/json" } })
      .then((answer) => answer.json())
      .catch(() => null);
    if (!found?.results) return;
    const options = found.results.map(({ symbol, description }) => {
      const option = document.createElement("option");
      option.value = symbol;
      option.label = description ? `${symbol} · ${description}` : symbol;
      return option;
    });
    list.replaceChildren(...options);
  }

  // Prices and figures

  quoted(connection, symbol) {
    if (!this.price.concerns(connection, symbol)) return;
    if (this.price.show()) this.refreshSoon();
    if (!document.hidden && Date.now() - this.figuresAt > FIGURES_EVERY) {
      this.figuresAt = Date.now();
      setTimeout(() => this.showFigures(), AFTER_QUOTES);
    }
  }

  async showFigures(more = {}) {
    if (!this.symbols.every((field) => field.value)) {
      this.sayLegsAreMissing();
      return;
    }
    const typed = `${queryOf(this.form)}`;
    if (!more.ask && this.askingOf === typed) return; // the broker is being asked about just this: wait for its word
    if (more.ask) this.askingOf = typed;
    this.figuresAt = Date.now();
    const asked = (this.figuresAsked = `${queryOf(this.form, more)}`);
    const answer = await fetch(`${this.form.dataset.figures}?${asked}`, { credentials: "same-origin" }).catch(() => null);
    if (more.ask && this.askingOf === typed) this.askingOf = null;
    if (asked !== this.figuresAsked) return;
    if (!answer?.ok) {
      if (more.ask) this.sayNoDryRun();
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    this.putFigures(page.body, typed);
  }

  // An open table stays open, the focus stays, and the broker's word stays while the ticket is what it was about.
  putFigures(fresh, typed) {
    this.legsOfFigures = this.legsNow;
    this.panel.removeAttribute("aria-busy");
    const open = this.panel.querySelector("details")?.open;
    const held = this.panel.contains(document.activeElement) ? document.activeElement.id : "";
    const told = this.panel.querySelector("#dry-run");
    this.panel.replaceChildren(...fresh.childNodes);
    if (this.panel.querySelector("#dry-run")) this.dryRunOf = typed;
    else if (told && this.dryRunOf === typed) this.panel.append(told);
    if (open) this.panel.querySelector("details")?.setAttribute("open", "");
    if (held) document.getElementById(held)?.focus({ preventScroll: true });
  }

  // A leg without an instrument: figures of the others would be taken for those of the order.
  sayLegsAreMissing() {
    if (this.legsOfFigures === this.legsNow) return;
    const words = document.createElement("p");
    words.className = "muted";
    words.textContent = "Fill in the legs: profit, loss and chances appear here.";
    this.figuresAsked = null;
    this.legsOfFigures = this.legsNow;
    this.panel.removeAttribute("aria-busy");
    this.panel.replaceChildren(words);
  }

  sayNoDryRun() {
    const note = document.createElement("p");
    note.className = "form-error";
    note.setAttribute("role", "alert");
    note.textContent = "The desk can't be reached. Try again in a moment.";
    this.panel.append(note);
  }
}

const form = document.getElementById("ticket");
if (form) new Ticket(form);
if (form && "answered" in form.dataset) comeBackToTicket(form);
const send = document.getElementById("send");
if (send) lockOnSend(send);
if (send) comeBackToTicket(document.getElementById("change"));
