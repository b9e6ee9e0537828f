// The symbol page: the change since yesterday live, holding, orders and fills up to date, the chart when it is near.

import { div, format, sign, sub } from "./decimal.js";
import { live } from "./live.js";
import { patch } from "./patch.js";
import { toast } from "./toast.js";

const GATHER_FOR = 150;
const panel = document.getElementById("chart");
const { connectionOf, symbolOf } = panel?.dataset ?? {};
let chart = null;
let timer = null;

// The change of the last price, worked out exactly

function signedPrice(value) {
  return `${sign(value) > 0 ? "+" : ""}${format.price(value)}`;
}

function showChange(quote) {
  const box = document.getElementById("symbol-change");
  if (!box || quote.last == null || !quote.prev_close) return;
  const change = sub(quote.last, quote.prev_close);
  const share = div(change, quote.prev_close, 8);
  box.className = ["down", "", "up"][sign(change) + 1];
  box.querySelector("[data-change]").textContent = signedPrice(change);
  box.querySelector("[data-share]").textContent = `(${format.percent_gain(share, 2)})`;
}

// What is held, working and filled

async function refreshMarks() {
  const old = document.getElementById("symbol-marks");
  try {
    const answer = await fetch(panel.dataset.marks, { credentials: "same-origin" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("symbol-marks");
    if (fresh) patch(old, fresh);
    chart?.showMarks(old.dataset.levels);
  } catch {
    // The desk can't be reached: the badge says so, and the next news bring the part up to date.
  }
}

function refreshSoon() {
  clearTimeout(timer);
  timer = setTimeout(refreshMarks, GATHER_FOR);
}

async function cancel(event) {
  const form = event.target.closest("form[data-cancel]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), credentials: "same-origin" });
    if (!answer.ok) throw new Error(answer.statusText);
    toast("Cancel requested. The order may still fill until the broker confirms.", { kind: "warn" });
  } catch {
    toast("The cancel could not be asked for: the desk can't be reached. The order still works.", { kind: "bad" });
  }
  button.disabled = false;
  refreshSoon();
}

// Volatilities that the desk works out where the broker tells none: they take a while.
async function fillEstimates() {
  const places = [...document.querySelectorAll("[data-estimate]")];
  if (!places.length) return;
  const query = new URLSearchParams({ account: panel.dataset.account, symbols: symbolOf });
  try {
    const answer = await fetch(`/api/v1/metrics?${query}`, { credentials: "same-origin" });
    const [found] = answer.ok ? (await answer.json()).metrics : [];
    for (const place of found ? places : []) {
      place.querySelector("dd").textContent = format.percent(found[place.dataset.estimate]);
      place.hidden = false;
    }
  } catch {
    // Unknown stays unknown.
  }
}

async function openChart() {
  const { ChartDesk } = await import("./chart-desk.js");
  chart = new ChartDesk(panel);
  chart.showMarks(document.getElementById("symbol-marks").dataset.levels);
}

if (panel) {
  live.onQuote((connection, symbol, quote) => {
    if (connection === connectionOf && symbol === symbolOf) showChange(quote);
  });
  live.onOrders(refreshSoon);
  live.onPortfolio(refreshSoon);
  live.onConnect(refreshSoon);
  document.addEventListener("submit", cancel);
  const near = new IntersectionObserver(
    (seen) => {
      if (!seen.some((one) => one.isIntersecting)) return;
      near.disconnect();
      openChart();
    },
    { rootMargin: "300px" },
  );
  near.observe(panel);
  fillEstimates();
}
