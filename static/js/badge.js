// The stream badge and the pause button: in words how fresh the prices are. The count-down is for the eye only.

import { live } from "./live.js";

const WORDS = {
  live: "Live",
  delayed: "Delayed",
  reconnecting: "Reconnecting",
  connecting: "Connecting",
  stale: "Stale",
  paused: "Paused",
  disconnected: "Disconnected",
  not_allowed: "Not allowed",
  sign_in_needed: "Sign-in needed",
  off: "No live prices",
};

function countDown(badge) {
  const count = document.createElement("span");
  count.setAttribute("aria-hidden", "true");
  badge.append(count);
  return count;
}

function showBadge(badge) {
  const words = document.createElement("span");
  badge.replaceChildren(words);
  const count = countDown(badge);
  let retryAt = null;
  const tick = () => {
    const seconds = retryAt === null ? 0 : Math.ceil((retryAt - Date.now()) / 1000);
    const text = seconds > 0 ? ` in ${seconds} s` : "";
    if (count.textContent !== text) count.textContent = text;
  };
  live.onState((now) => {
    badge.dataset.state = now.state;
    badge.hidden = now.state === "off";
    badge.title = now.detail;
    if (words.textContent !== WORDS[now.state]) words.textContent = WORDS[now.state];
    retryAt = now.retryAt;
    tick();
  });
  setInterval(tick, 250);
}

function pauseButton(button) {
  live.onState(({ state }) => {
    button.hidden = state === "off";
    button.setAttribute("aria-pressed", String(live.paused));
    const text = live.paused ? "Resume" : "Pause";
    if (button.textContent !== text) button.textContent = text;
  });
  button.addEventListener("click", () => (live.paused ? live.resume() : live.pause()));
}

const badge = document.getElementById("stream-badge");
const button = document.getElementById("stream-pause");
if (badge) showBadge(badge);
if (button) pauseButton(button);
