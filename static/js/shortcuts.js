// Keys of pages that need no Ctrl: a letter, or `g` and a letter, go somewhere. Each can be given other keys, all can be
// turned off. No key sends anything.

const GO_WITHIN = 1500;
const IS_ON = "shortcuts";
const GIVEN = "shortcuts.keys";
const USABLE = /^[a-z0-9]$/;
const ASK = "Press the new key, or g and a key. Esc leaves it as it is.";

function read(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Storage is blocked: it holds for this page.
  }
}

function given() {
  try {
    return JSON.parse(read(GIVEN) ?? "{}") ?? {};
  } catch {
    return {};
  }
}

export class Shortcuts {
  #dialog;
  #fixed;
  #given = given();
  #goSince = -Infinity;
  #asked = null;

  // `fixed`: what other keys do: { key: [words, act] }.
  constructor(dialog, fixed) {
    this.#dialog = dialog;
    this.#fixed = { ...fixed, "?": ["These keys", () => this.open()] };
    dialog.addEventListener("keydown", (event) => this.#pressed(event));
    dialog.addEventListener("close", () => (this.#asked = null));
    dialog.addEventListener("click", ({ target }) => {
      if (target.dataset.keysOf) this.#ask(target.dataset.keysOf);
    });
    this.#part("on").addEventListener("change", ({ target }) => write(IS_ON, target.checked ? "on" : "off"));
    this.#part("usual").addEventListener("click", () => this.#keep({}, "The usual keys are back."));
  }

  get isOn() {
    return read(IS_ON) !== "off";
  }

  open() {
    this.#draw();
    this.#say("");
    this.#part("on").checked = this.isOn;
    this.#dialog.showModal();
  }

  close() {
    this.#dialog.close();
  }

  // Whether the key did something.
  press(key) {
    const isGoing = performance.now() - this.#goSince < GO_WITHIN;
    this.#goSince = key === "g" && !isGoing ? performance.now() : -Infinity;
    const keys = isGoing ? `g ${key}` : key;
    const place = this.#places.find((one) => this.#keysOf(one) === keys);
    if (this.#fixed[key]) this.#fixed[key][1]();
    else if (place) location.assign(place.href);
    else return false;
    return true;
  }

  // Where keys lead

  get #places() {
    return [...document.querySelectorAll("[data-shortcut]")];
  }

  #keysOf({ dataset }) {
    return this.#given[dataset.shortcut] ?? dataset.shortcut;
  }

  #part(name) {
    return document.getElementById(`shortcuts-${name}`);
  }

  #say(words) {
    this.#part("words").textContent = words;
  }

  #draw() {
    const fixed = Object.entries(this.#fixed).map(([key, [text]]) => line(key, text));
    const places = this.#places.map((place) => line(this.#keysOf(place), place.textContent.trim(), place.dataset.shortcut));
    document.getElementById("shortcut-list").replaceChildren(
      ...[line("Ctrl K", "Find a symbol"), ...fixed, ...places, line("Esc", "Close")].flat(),
    );
  }

  // Other keys

  #ask(usual) {
    this.#asked = { usual, isGoing: false };
    this.#say(ASK);
  }

  #pressed(event) {
    if (!this.#asked || ["Shift", "Control", "Alt", "Meta", "Tab"].includes(event.key)) return;
    event.preventDefault();
    const key = event.key.toLowerCase();
    if (key === "escape") {
      this.#asked = null;
      this.#say("It stays as it is.");
    } else if (!USABLE.test(key)) this.#say("A letter or a digit, or g and one of them.");
    else if (key === "g" && !this.#asked.isGoing) {
      this.#asked.isGoing = true;
      this.#say("g and …");
    } else this.#give(this.#asked.isGoing ? `g ${key}` : key);
  }

  #give(keys) {
    const { usual } = this.#asked;
    const taken = this.#places.find((one) => one.dataset.shortcut !== usual && this.#keysOf(one) === keys);
    if (taken) {
      this.#asked.isGoing = false;
      this.#say(`${keys} is ${taken.textContent.trim()} already. ${ASK}`);
      return;
    }
    this.#asked = null;
    this.#keep({ ...this.#given, [usual]: keys }, `Now it is ${keys}.`);
    this.#dialog.querySelector(`[data-keys-of="${CSS.escape(usual)}"]`).focus();
  }

  #keep(keys, words) {
    this.#given = keys;
    write(GIVEN, JSON.stringify(keys));
    this.#draw();
    this.#say(words);
  }
}

// Keys and what they do; with `usual` they can be changed.
function line(keys, text, usual = null) {
  const [term, what] = [document.createElement("dt"), document.createElement("dd")];
  for (const key of keys.split(" ")) term.append(Object.assign(document.createElement("kbd"), { textContent: key }), " ");
  what.append(text);
  if (usual !== null) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-quiet" });
    button.textContent = "Change";
    button.setAttribute("aria-label", `Change the keys of ${text}`);
    button.dataset.keysOf = usual;
    what.append(" ", button);
  }
  return [term, what];
}
