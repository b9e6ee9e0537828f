// Changing an order's terms where it stands in the list: its form as a row below it. Without this it is a page of its own.

const SELECTOR = "tr.change-row";

export class ChangeRow {
  constructor(part) {
    this.part = part;
    part.addEventListener("click", (event) => this.#clicked(event));
    part.addEventListener("keydown", (event) => this.#keyPressed(event));
  }

  get row() {
    return this.part.querySelector(SELECTOR);
  }

  // The page is brought up to date with `fresh`: a form that is open stays, as long as its order may be changed.
  carryOver(fresh) {
    const open = this.row;
    if (!open) return;
    const order = fresh.querySelector(`tr[data-order="${open.dataset.for}"]`);
    if (order?.querySelector("[data-change]")) order.after(open.cloneNode(true));
  }

  async #clicked(event) {
    const link = event.target.closest("a[data-change]");
    const button = event.target.closest(`${SELECTOR} button[name=step]`);
    if (event.target.closest(`${SELECTOR} [data-leave]`)) {
      event.preventDefault();
      this.#close();
    } else if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
      event.preventDefault();
      await this.#open(link);
    } else if (button) {
      event.preventDefault();
      await this.#step(button);
    }
  }

  #keyPressed(event) {
    if (event.key === "Escape" && event.target.closest(SELECTOR)) this.#close();
  }

  async #open(link) {
    const order = link.closest("tr[data-order]");
    const isOpen = this.row?.dataset.for === order.dataset.order;
    this.#close();
    if (isOpen) return;
    const form = await this.#fetch(`${link.getAttribute("href")}?fragment=1`);
    if (!form) {
      location.assign(link.href);
      return;
    }
    this.#close();
    const row = document.createElement("tr");
    row.className = "change-row";
    row.dataset.key = `change:${order.dataset.order}`;
    row.dataset.for = order.dataset.order;
    const cell = document.createElement("td");
    cell.colSpan = order.cells.length;
    cell.append(form);
    row.append(cell);
    order.after(row);
    link.setAttribute("aria-expanded", "true");
    const field = row.querySelector("input:not([type=hidden])");
    field?.focus();
    field?.select();
  }

  #close() {
    const row = this.row;
    if (!row) return;
    const had = row.contains(document.activeElement);
    const order = this.part.querySelector(`tr[data-order="${row.dataset.for}"]`);
    row.remove();
    const link = order?.querySelector("[data-change]");
    link?.removeAttribute("aria-expanded");
    if (had) link?.focus();
  }

  // One tick: the desk knows how large it is there.
  async #step(button) {
    const form = button.form;
    const body = new FormData(form, button);
    body.set("fragment", "1");
    const fresh = await this.#fetch(form.getAttribute("action"), { method: "POST", body });
    const field = fresh?.querySelector(`[name="${button.value.split(":")[0]}"]`);
    const mine = field ? form.elements[field.name] : null;
    if (mine) mine.value = field.value;
  }

  async #fetch(address, options = {}) {
    const answer = await fetch(address, { credentials: "same-origin", ...options }).catch(() => null);
    if (!answer?.ok || answer.redirected) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const form = page.querySelector(".change");
    return form ? document.importNode(form, true) : null;
  }
}
