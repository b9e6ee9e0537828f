// The chain by keyboard: one stop for Tab, arrows from bid to ask and strike to strike, b buys, s sells, Delete removes.

const FAR = 8;

export class Keys {
  // `change(entries)` asks the desk to change the legs.
  constructor(root, change) {
    this.change = change;
    this.symbol = null;
    root.addEventListener("keydown", (event) => this.pressed(event));
    root.addEventListener("focusin", ({ target }) => this.isPrice(target) && this.stopAt(target));
  }

  isPrice(element) {
    return element.matches?.("#board tbody button");
  }

  get rows() {
    return [...document.querySelectorAll("#board tbody tr")].filter((row) => this.buttons(row).length);
  }

  // A narrow screen hides one half.
  buttons(row) {
    return [...row.querySelectorAll("button")].filter((button) => button.offsetParent !== null);
  }

  drawn() {
    document.querySelector("#board table").setAttribute("role", "grid");
    for (const button of document.querySelectorAll("#board tbody button")) button.tabIndex = -1;
    const kept = document.querySelector("#board tbody button:focus") ?? this.last ?? null;
    const stop = kept?.isConnected ? kept : this.nearMoney();
    if (stop) this.stopAt(stop);
  }

  nearMoney() {
    const row = document.getElementById("spot")?.nextElementSibling ?? this.rows.at(-1);
    return row ? this.buttons(row)[0] : null;
  }

  toTheMoney() {
    this.nearMoney()?.focus({ preventScroll: true });
  }

  stopAt(button) {
    if (this.last) this.last.tabIndex = -1;
    button.tabIndex = 0;
    this.last = button;
  }

  pressed(event) {
    const button = event.target;
    if (!this.isPrice(button) || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.acts(button)[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  acts(button) {
    const across = (step) => () => this.across(button, step);
    const down = (step) => () => this.down(button, step);
    const ask = (name) => () => this.change([[name, button.value]]);
    return {
      ArrowLeft: across(-1),
      ArrowRight: across(1),
      ArrowUp: down(-1),
      ArrowDown: down(1),
      PageUp: down(-FAR),
      PageDown: down(FAR),
      Home: across(-Infinity),
      End: across(Infinity),
      b: ask("buy"),
      s: ask("sell"),
      Delete: ask("drop"),
      Backspace: ask("drop"),
    };
  }

  across(button, step) {
    const all = this.buttons(button.closest("tr"));
    all[clamp(all.indexOf(button) + step, all.length)]?.focus();
  }

  down(button, step) {
    const rows = this.rows;
    const row = button.closest("tr");
    const at = this.buttons(row).indexOf(button);
    const next = rows[clamp(rows.indexOf(row) + step, rows.length)];
    const found = this.buttons(next);
    found[Math.min(at, found.length - 1)].focus();
  }
}

function clamp(index, length) {
  return Math.max(0, Math.min(length - 1, index));
}
