// The orders pages: rows and stories change in place when the desk tells of an order; terms are changed in the list.

import { ChangeRow } from "./order-change.js";
import { Marks } from "./order-marks.js";
import { live } from "./live.js";
import { patch } from "./patch.js";
import { toast } from "./toast.js";

const GATHER_FOR = 120;
const WORTH_SAYING = new Set([
  "filled",
  "rejected",
  "broker_rejected",
  "cancelled",
  "not_placed",
  "unknown",
  "needs_eyes",
]);

const part = document.querySelector("#orders, #order, #cancel-run");
const marks = new Marks(part);
const change = new ChangeRow(part);
const said = new Map();
let timer = null;
let running = false;
let again = false;

// A live cell keeps what was written live; a change that is being typed stays as it is.
const isKept = (element) =>
  element.dataset?.field !== undefined || marks.isKept(element) || element.matches?.("tr.change-row");

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
      change.carryOver(fresh);
      patch(part, fresh, isKept);
      live.rescan();
      marks.scan();
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
  const isBad = order.status.endsWith("rejected") || ["not_placed", "needs_eyes"].includes(order.status);
  const kind = isBad ? "bad" : order.status === "filled" ? "ok" : "warn";
  if (part.id !== "order") toast(words, { kind, href: `/orders/${order.id}` });
  document.getElementById("order-news").textContent = words;
}

// A story also tells of the orders around it: those of its group, and those that took its place.
function concerns(order) {
  return part.id !== "order" || order.id === part.dataset.order || part.querySelector(`a[href="/orders/${order.id}"]`);
}

function heard(orders) {
  const mine = orders.filter(concerns);
  if (mine.length === 0) return;
  mine.filter((order) => part.id !== "order" || order.id === part.dataset.order).forEach(say);
  soon();
}

marks.scan();
live.onOrders(heard);
live.onConnect(soon);
