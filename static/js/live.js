// The page's one socket to the desk: live quotes into cells, news of orders and holdings to whoever listens.
//
//   live.onQuote((connection, symbol, quote) => …)   quote: all newest figures as text, null is unknown
//   live.onOrders((orders) => …)   live.onPortfolio(({ account, what }) => …)   live.onStatus((frame) => …)
//   live.onState(({ state, detail, retryAt }) => …)  what the badge shows     live.onConnect(() => …)
//   live.watch(connection, symbols) → a function that ends it; live.rescan() after the page changed; live.pause()
//
// Every on… returns a function that takes the listener away.

import { Cells } from "./cells.js";
import { Listeners } from "./listeners.js";
import { Statuses, withoutSocket } from "./live-state.js";
import { Wishes, steps } from "./live-wishes.js";

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
const SLOW_DELAY = 60_000;
const SILENT_AFTER = 15_000;
const SIGN_IN = 4401;
const TOO_MANY = 4429;
const ABUSE = 1008;

class Live {
  #listeners = new Listeners();
  #cells = new Cells();
  #wishes = new Wishes();
  #asked = new Map();
  #quotes = new Map();
  #counts = new Map();
  #statuses = new Statuses();
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
    this.#wishes.onPage = this.#cells.scan();
    this.#ask();
    for (const [connection, quotes] of this.#quotes) {
      for (const symbol of quotes.keys()) this.#markChanged(connection, symbol);
    }
  }

  watch(connection, symbols) {
    const takeBack = this.#wishes.add(connection, symbols);
    this.#ask();
    return () => {
      takeBack();
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

  // Tell the desk what changed between what was asked and what is wanted.
  #ask() {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    const wanted = this.#paused ? new Map() : this.#wishes.all();
    for (const step of steps(this.#asked, wanted)) this.#send(...step);
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
    this.#cells.age((connection) => this.#isFlowing(connection));
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
    this.#statuses.take(frame);
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

  #isFlowing(connection) {
    return !this.#paused && this.#socket?.readyState === WebSocket.OPEN && this.#statuses.isFlowing(connection);
  }

  get state() {
    const [stopped, paused, socket, tries] = [this.#stopped, this.#paused, this.#socket, this.#tries];
    const away = withoutSocket({ stopped, paused, socket, tries, problem: this.#problem, retryAt: this.#retryAt });
    if (away) return away;
    const present = [...this.#asked.keys()].filter((connection) => !this.#missing.has(connection));
    return this.#statuses.worst(present, this.#problem);
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
