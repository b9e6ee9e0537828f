// The option chooser beside the ticket: expirations, strikes, and a strategy that fills all legs.

import { live } from "./live.js";

export class Chooser {
  // `edit(changes)` sends the ticket with these fields changed and shows what comes back.
  constructor(form, edit) {
    this.form = form;
    this.edit = edit;
    this.box = document.getElementById("option-chooser");
    this.leg = "1";
    this.turn = 0;
    this.box.addEventListener("click", (event) => this.clicked(event));
    this.box.addEventListener("submit", (event) => this.picked(event));
    this.box.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  open(leg) {
    this.leg = leg;
    const typed = [...new FormData(this.form)].filter(([name, value]) => value && name !== "csrfmiddlewaretoken");
    const opened = this.show(`${this.form.dataset.options}?${new URLSearchParams([...typed, ["leg", leg]])}`);
    return opened.then(() => this.box.querySelector("h2, [role=alert]")?.focus());
  }

  // What is drawn anew keeps the focus where it was: on the expiration that was chosen.
  async show(address) {
    const url = new URL(address, location.href);
    url.searchParams.set("fragment", "1");
    const turn = (this.turn += 1); // closed or asked for anew meanwhile: this answer comes too late
    this.box.setAttribute("aria-busy", "true");
    if (this.box.hidden) this.say("Looking up the options…", "status");
    const answer = await fetch(url, { credentials: "same-origin" }).catch(() => null);
    if (turn !== this.turn) return;
    this.box.removeAttribute("aria-busy");
    if (!answer?.ok) {
      this.say("The desk can't be reached. Try again in a moment.", "alert");
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const wasInside = this.box.contains(document.activeElement);
    const wished = this.wished();
    this.box.replaceChildren(...page.body.childNodes, this.closer());
    this.wish(wished);
    this.box.hidden = false;
    this.box.querySelector("h2, [role=alert]")?.setAttribute("tabindex", "-1");
    if (wasInside) this.box.querySelector("[aria-current]")?.focus({ preventScroll: true });
    live.rescan();
    const [middle] = this.box.getElementsByClassName("at-the-money");
    const scroller = middle?.closest(".table-scroll");
    if (scroller) scroller.scrollTop = middle.offsetTop - scroller.clientHeight / 2;
  }

  // The strategy that was being put together goes on to the next expiration.
  wished() {
    return [...this.box.querySelectorAll("[name^=pick]")].map(({ name, value }) => [name, value]);
  }

  wish(wished) {
    for (const [name, value] of wished) {
      const field = this.box.querySelector(`[name="${name}"]`);
      const offers = !field?.options || [...field.options].some((option) => option.value === value);
      if (field && offers) field.value = value;
    }
  }

  say(words, role) {
    const note = document.createElement("p");
    note.textContent = words;
    note.setAttribute("role", role);
    this.box.replaceChildren(note, this.closer());
    this.box.hidden = false;
  }

  closer() {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "btn", textContent: "Close the chooser", id: "close-chooser" });
    button.addEventListener("click", () => this.close());
    return button;
  }

  close() {
    this.turn += 1;
    this.box.removeAttribute("aria-busy");
    this.box.hidden = true;
    this.box.replaceChildren();
    live.rescan();
    this.form.querySelector(`[name=choose][value="${this.leg}"]`)?.focus();
  }

  clicked(event) {
    const link = event.target.closest("a");
    if (!link) return;
    event.preventDefault();
    if (!link.dataset.option) {
      this.show(link.href);
      return;
    }
    const name = this.leg === "1" ? "symbol" : `symbol_${this.leg}`;
    this.form.elements[name].value = link.dataset.option;
    this.close();
    this.edit({ edit: `fill:${this.leg}` });
  }

  picked(event) {
    event.preventDefault();
    const given = new FormData(event.target, event.submitter);
    const changes = Object.fromEntries([...given].filter(([name]) => /^(pick|expiry|edit)/.test(name)));
    this.close();
    this.edit(changes);
  }
}
