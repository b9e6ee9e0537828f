// The option chooser beside the ticket: expirations, strikes, and a strategy that fills all legs.

import { live } from "./live.js";

export class Chooser {
  // `edit(changes)` sends the ticket with these fields changed and shows what comes back.
  constructor(form, edit) {
    this.form = form;
    this.edit = edit;
    this.box = document.getElementById("option-chooser");
    this.leg = "1";
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
    const answer = await fetch(url, { credentials: "same-origin" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const wasInside = this.box.contains(document.activeElement);
    this.box.replaceChildren(...page.body.childNodes, this.closer());
    this.box.hidden = false;
    this.box.querySelector("h2, [role=alert]")?.setAttribute("tabindex", "-1");
    if (wasInside) this.box.querySelector("[aria-current]")?.focus({ preventScroll: true });
    live.rescan();
    const [middle] = this.box.getElementsByClassName("at-the-money");
    const scroller = middle?.closest(".table-scroll");
    if (scroller) scroller.scrollTop = middle.offsetTop - scroller.clientHeight / 2;
  }

  closer() {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "btn", textContent: "Close the chooser", id: "close-chooser" });
    button.addEventListener("click", () => this.close());
    return button;
  }

  close() {
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
