// Net liq, the day's gain and buying power of the account in view, below the bar of every page: what the page came with
// while it is fresh, else fetched once the page is there, and again as the account or the prices move. Where the page
// itself shows the account's gain live, the bar says the same.

import { live } from "./live.js";
import { patch } from "./patch.js";

const FRESH = 10_000;
const EVERY = 15_000;
const SETTLE = 400;
const place = document.getElementById("glance");
const page = document.getElementById("portfolio");
let askedAt = Date.parse(place?.dataset.at) || 0;
let isAsking = false;
let state = "live";
let soon = null;
let isDue = false;

const isShown = () => !document.hidden && place.offsetParent !== null;

async function ask() {
  if (isAsking || !isShown()) return;
  isAsking = true;
  askedAt = Date.now();
  try {
    const answer = await fetch(place.dataset.address, { credentials: "same-origin", redirect: "error" });
    const fresh = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("glance");
    if (fresh) patch(place, fresh);
    mirrorSoon();
  } catch {
    // The desk can't be reached: the badge says so, and what was known stands.
  }
  isAsking = false;
}

// The gain that the page itself works out with each price: of the one account, or of all in the one environment.
function mirror() {
  isDue = false;
  const cells = place.querySelectorAll('[data-glance="gain_day"]');
  const isOne = page.querySelectorAll("[data-account]").length === 1;
  const whole = [...page.querySelectorAll('[data-total="gain_day"]')].find(
    (cell) => !cell.closest("tbody") && (isOne || cell.closest('[data-key="total"]')),
  );
  if (cells.length !== 1 || !whole || cells[0].querySelector("span")) return;
  if (cells[0].textContent !== whole.textContent) cells[0].textContent = whole.textContent;
  for (const way of ["up", "down"]) cells[0].classList.toggle(way, whole.classList.contains(way));
}

function mirrorSoon() {
  if (isDue || !page) return;
  isDue = true;
  requestAnimationFrame(mirror);
}

function tick() {
  if (state !== "paused" && state !== "sign_in_needed" && Date.now() - askedAt >= EVERY) ask();
}

if (place) {
  if (Date.now() - askedAt >= FRESH) ask();
  live.onState((now) => (state = now.state));
  live.onPortfolio(() => {
    clearTimeout(soon);
    soon = setTimeout(ask, SETTLE);
  });
  live.onQuote(mirrorSoon);
  document.addEventListener("visibilitychange", tick);
  setInterval(tick, 1000);
}
