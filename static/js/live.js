// The page's one socket to the desk: live quotes into cells, news of orders and holdings to whoever listens.
//
//   live.onQuote((connection, symbol, quote) => …)   quote: all newest figures as text, null is unknown
//   live.onOrders((orders) => …)   live.onPortfolio(({ account, what }) => …)   live.onStatus((frame) => …)
//   live.onState(({ state, detail, retryAt }) => …)  what the badge shows     live.onConnect(() => …)
//   live.watch(connection, symbols) → a function that ends it; live.rescan() after the page changed; live.pause()
//
// Every on… returns a function that takes the listener away.

import { Cells } from "./cells.js";

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
const SLOW_DELAY = 60_000;
const SILENT_AFTER = 15_000;
const FLOWING = new Set(["live", "delayed"]);
const LOST_AFTER_TRIES = 3;
const SIGN_IN = 4401;
const TOO_MANY = 4429;
const ABUSE = 1008;
const WORST_FIRST = [
  "sign_in_needed",
  "not_allowed",
  "disconnected",
  "reconnecting",
  "connecting",
  "stale",
  "delayed",
  "live",
];

class Listeners {
  #kinds = new Map();

  on(kind, listener) {
    if (!this.#kinds.has(kind)) this.#kinds.set(kind, new Set());
    this.#kinds.get(kind).add(listener);
    return () => this.#kinds.get(kind).delete(listener);
  }

  // One listener that fails takes no other with it.
  tell(kind, ...news) {
    for (const listener of this.#kinds.get(kind) ?? []) {
      try {
        listener(...news);
      } catch (error) {
        console.error(error);
      }
    }
  }
}

class Live {
  #listeners = new Listeners();
  #cells = new Cells();
  #onPage = new Map();
  #byModules = new Set();
  #asked = new Map();
  #quotes = new Map();
  #counts = new Map();
  #statuses = new Map();
  #missing = new Set();
  #changed = new Map();
  #socket = null;
  #heardAt = 0;
  #tries = 0;
  #retryAt = null;
  #retryTimer = null;
  #stopped = null;
  #paused = false;
  #problem = "";
  #shown = "";
  #requests = new Map();
  #lastId = 0;

  onQuote = (listener) => this.#listeners.on("quote", listener);
  onOrders = (listener) => this.#listeners.on("orders", listener);
  onPortfolio = (listener) => this.#listeners.on("portfolio", listener);
  onStatus = (listener) => this.#listeners.on("status", listener);

  // At once where it is connected already: a module may be loaded after that, and news have come before it listens.
  onConnect(listener) {
    if (this.#socket?.readyState === WebSocket.OPEN) listener();
    return this.#listeners.on("connect", listener);
  }

  onState(listener) {
    listener(this.state);
    return this.#listeners.on("state", listener);
  }

  start() {
    this.#paused = sessionStorage.getItem("live.paused") === "yes";
    this.rescan();
    this.#connect();
    setInterval(() => this.#everySecond(), 1000);
    addEventListener("online", () => this.#hurry());
    addEventListener("pageshow", (event) => event.persisted && this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
  }

  // What is watched

  rescan() {
    this.#onPage = this.#cells.scan();
    this.#ask();
    for (const [connection, quotes] of this.#quotes) {
      for (const symbol of quotes.keys()) this.#markChanged(connection, symbol);
    }
  }

  watch(connection, symbols) {
    const wish = { connection, symbols: new Set(symbols) };
    this.#byModules.add(wish);
    this.#ask();
    return () => {
      this.#byModules.delete(wish);
      this.#ask();
    };
  }

  quote(connection, symbol) {
    return this.#quotes.get(connection)?.get(symbol) ?? null;
  }

  pause() {
    this.#setPaused(true);
  }

  resume() {
    this.#setPaused(false);
  }

  get paused() {
    return this.#paused;
  }

  #setPaused(paused) {
    this.#paused = paused;
    sessionStorage.setItem("live.paused", paused ? "yes" : "no");
    this.#ask();
    this.#showState();
  }

  #wanted() {
    const wanted = new Map();
    if (this.#paused) return wanted;
    const wishes = [...this.#byModules].map(({ connection, symbols }) => [connection, symbols]);
    for (const [connection, symbols] of [...this.#onPage, ...wishes]) {
      if (!wanted.has(connection)) wanted.set(connection, new Set());
      for (const symbol of symbols) wanted.get(connection).add(symbol);
    }
    return wanted;
  }

  // Tell the desk what changed between what was asked and what is wanted.
  #ask() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const wanted = this.#wanted();
    for (const [connection, symbols] of this.#asked) {
      const past = [...symbols].filter((symbol) => !wanted.get(connection)?.has(symbol));
      if (past.length) this.#send("unsubscribe", connection, past);
    }
    for (const [connection, symbols] of wanted) {
      const before = this.#asked.get(connection);
      const fresh = [...symbols].filter((symbol) => !before?.has(symbol));
      if (fresh.length || !before) this.#send("subscribe", connection, fresh);
    }
    this.#asked = wanted;
    this.#showState();
  }

  #send(action, connection, symbols) {
    this.#requests.set(++this.#lastId, connection);
    this.#socket.send(JSON.stringify({ action, id: this.#lastId, connection, symbols }));
  }

  // The socket

  #connect() {
    clearTimeout(this.#retryTimer);
    this.#retryAt = null;
    this.#heardAt = Date.now();
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/v1/`);
    this.#socket = socket;
    socket.addEventListener("open", () => socket === this.#socket && this.#opened());
    socket.addEventListener("message", (event) => socket === this.#socket && this.#heard(event.data));
    socket.addEventListener("close", (event) => socket === this.#socket && this.#closed(event.code));
    this.#showState();
  }

  #opened() {
    this.#heardAt = Date.now();
    this.#asked = new Map();
    this.#counts.clear();
    this.#statuses.clear();
    this.#missing.clear();
    this.#requests.clear();
    this.#ask();
    this.#listeners.tell("connect"); // the first time too: news may have come since the page was made
    this.#showState();
  }

  #closed(code) {
    this.#socket = null;
    this.#statuses.clear();
    this.#tries += 1;
    if (code === SIGN_IN) {
      this.#stopped = "You are signed out: sign in again to go on.";
    } else {
      const longest = code === TOO_MANY || code === ABUSE ? SLOW_DELAY : 0;
      const delay = Math.max(longest, Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (this.#tries - 1)));
      this.#retryIn(delay * (0.5 + Math.random() / 2));
      this.#problem = code === TOO_MANY ? "Too many tabs are open." : "";
    }
    this.#showState();
  }

  #retryIn(delay) {
    this.#retryAt = Date.now() + delay;
    this.#retryTimer = setTimeout(() => this.#connect(), delay);
  }

  // The person looks again or the network is back: do not wait for the timer.
  #hurry() {
    if (this.#socket === null && this.#stopped === null) this.#connect();
  }

  #everySecond() {
    if (this.#socket && Date.now() - this.#heardAt > SILENT_AFTER) {
      const silent = this.#socket;
      this.#closed(0);
      silent.close();
    }
    this.#cells.age((connection) => FLOWING.has(this.#stateOf(connection)));
    this.#showState();
  }

  // What it says

  #heard(text) {
    this.#heardAt = Date.now();
    this.#tries = 0;
    const frame = JSON.parse(text);
    switch (frame.type) {
      case "snapshot":
      case "quotes":
        return this.#take(frame);
      case "status":
        return this.#takeStatus(frame);
      case "orders":
        return this.#listeners.tell("orders", frame.orders);
      case "portfolio":
        return this.#listeners.tell("portfolio", frame);
      case "subscribed":
      case "unsubscribed":
        return this.#requests.delete(frame.id);
      case "error":
        return this.#takeError(frame);
    }
  }

  #take(frame) {
    const { connection, seq } = frame;
    const isGap = frame.type === "quotes" && seq !== this.#counts.get(connection) + 1;
    this.#counts.set(connection, seq);
    if (!this.#quotes.has(connection)) this.#quotes.set(connection, new Map());
    const quotes = this.#quotes.get(connection);
    for (const [symbol, news] of Object.entries(frame.quotes)) {
      quotes.set(symbol, { ...quotes.get(symbol), ...news });
      this.#markChanged(connection, symbol);
    }
    const symbols = this.#asked.get(connection);
    if (isGap && symbols) this.#send("subscribe", connection, [...symbols]);
  }

  // Cells are written with the next picture: a hidden page writes none until it is looked at.
  #markChanged(connection, symbol) {
    if (this.#changed.size === 0) requestAnimationFrame(() => this.#write());
    this.#changed.set(`${connection} ${symbol}`, [connection, symbol]);
  }

  #write() {
    const changed = [...this.#changed.values()];
    this.#changed.clear();
    for (const [connection, symbol] of changed) {
      const quote = this.quote(connection, symbol);
      this.#cells.write(connection, symbol, quote);
      this.#listeners.tell("quote", connection, symbol, quote);
    }
  }

  #takeStatus(frame) {
    if (!this.#statuses.has(frame.connection)) this.#statuses.set(frame.connection, new Map());
    this.#statuses.get(frame.connection).set(frame.source, frame);
    this.#listeners.tell("status", frame);
    this.#showState();
  }

  // A connection that is not there (any more) has no say in how fresh the page is; its cells go stale.
  #takeError(frame) {
    if (frame.code === "not_found") this.#missing.add(this.#requests.get(frame.id));
    else this.#problem = frame.detail;
    this.#listeners.tell("status", frame);
    this.#showState();
  }

  // How it stands

  #stateOf(connection) {
    if (this.#paused || this.#socket?.readyState !== WebSocket.OPEN) return "disconnected";
    return this.#statuses.get(connection)?.get("quotes")?.state ?? "connecting";
  }

  get state() {
    if (this.#stopped) return { state: "sign_in_needed", detail: this.#stopped, retryAt: null };
    if (this.#paused) return { state: "paused", detail: "Prices stand still until you resume.", retryAt: null };
    if (this.#socket === null) {
      const isLost = this.#tries >= LOST_AFTER_TRIES || !navigator.onLine;
      return { state: isLost ? "disconnected" : "reconnecting", detail: this.#problem, retryAt: this.#retryAt };
    }
    if (this.#socket.readyState !== WebSocket.OPEN) {
      return { state: this.#tries ? "reconnecting" : "connecting", detail: "", retryAt: null };
    }
    return this.#worst();
  }

  #worst() {
    const present = [...this.#asked.keys()].filter((connection) => !this.#missing.has(connection));
    const found = present.map((connection) => {
      const frame = this.#statuses.get(connection)?.get("quotes");
      return { state: frame?.state ?? "connecting", detail: frame?.detail || this.#problem, retryAt: null };
    });
    const rank = ({ state }) => WORST_FIRST.indexOf(state);
    found.sort((a, b) => rank(a) - rank(b));
    return found[0] ?? { state: "off", detail: "No live prices on this page.", retryAt: null };
  }

  #showState() {
    const state = this.state;
    const text = JSON.stringify(state);
    if (text === this.#shown) return;
    this.#shown = text;
    this.#listeners.tell("state", state);
  }
}

export const live = new Live();
live.start();
