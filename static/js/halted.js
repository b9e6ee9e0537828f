// Whether trading in a symbol is halted, in words: wherever a page says so with data-halt. Streams do not tell, so it
// is asked for now and then. While nobody knows nothing is said.

const ASK_EVERY = 15_000;
const EXCHANGE_TIME = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", timeStyle: "short" });

function write(place, { halted, halted_since: since }) {
  place.hidden = !halted;
  if (halted === null) return;
  const words = halted ? `Trading halted${since ? ` since ${EXCHANGE_TIME.format(new Date(since))} ET` : ""}` : "";
  if (place.textContent !== words) place.textContent = words;
}

async function ask(place) {
  const query = new URLSearchParams({ account: place.dataset.account, symbols: place.dataset.halt, halts: "true" });
  try {
    const answer = await fetch(`/api/v1/quotes?${query}`, { credentials: "same-origin" });
    const [quote] = answer.ok ? (await answer.json()).quotes : [];
    if (quote) write(place, quote);
  } catch {
    // The desk can't be reached: the badge says so, and what was last known stands.
  }
}

function askAll() {
  if (!document.hidden) document.querySelectorAll("[data-halt]").forEach(ask);
}

askAll();
setInterval(askAll, ASK_EVERY);
document.addEventListener("visibilitychange", askAll);
