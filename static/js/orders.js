// The orders pages: rows and stories change in place when the desk tells of an order.

import { live } from "./live.js";
import { patch } from "./patch.js";
import { toast } from "./toast.js";

const GATHER_FOR = 120;
const WORTH_SAYING = new Set(["filled", "rejected", "broker_rejected", "cancelled", "not_placed", "unknown"]);

const part = document.querySelector("#orders, #order");
const said = new Map();
let timer = null;
let running = false;
let again = false;

// A live cell keeps what live.js wrote; a form that has the focus keeps it.
const isKept = (element) => element.dataset?.field !== undefined;

async function refresh() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    const answer = await fetch(part.dataset.fragment, { credentials: "same-origin" });
    if (!answer.ok) return;
    const text = await answer.text();
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById(part.id);
    if (fresh) {
      patch(part, fresh, isKept);
      live.rescan();
    }
  } catch {
    // The desk can't be reached: the badge says so, and the news after the reconnect bring the page up to date.
  } finally {
    running = false;
    if (again) {
      again = false;
      soon();
    }
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, GATHER_FOR);
}

function say(order) {
  if (said.get(order.id) === order.status || !WORTH_SAYING.has(order.status)) return;
  said.set(order.id, order.status);
  const words = `${order.status_label}: ${order.description}`;
  const isBad = order.status.endsWith("rejected") || order.status === "not_placed";
  const kind = isBad ? "bad" : order.status === "filled" ? "ok" : "warn";
  if (part.id !== "order") toast(words, { kind, href: `/orders/${order.id}` });
  document.getElementById("order-news").textContent = words;
}

function heard(orders) {
  const mine = part.id === "order" ? orders.filter((order) => order.id === part.dataset.order) : orders;
  if (mine.length === 0) return;
  mine.forEach(say);
  soon();
}

live.onOrders(heard);
live.onConnect(soon);
