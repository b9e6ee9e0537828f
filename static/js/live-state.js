// How the page's prices stand: what the desk says of each connection's stream, and what the badge makes of it.

const LOST_AFTER_TRIES = 3;
const FLOWING = new Set(["live", "delayed"]);
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

export class Statuses {
  #told = new Map();

  clear() {
    this.#told.clear();
  }

  take(frame) {
    if (!this.#told.has(frame.connection)) this.#told.set(frame.connection, new Map());
    this.#told.get(frame.connection).set(frame.source, frame);
  }

  of(connection) {
    const frame = this.#told.get(connection)?.get("quotes");
    return { state: frame?.state ?? "connecting", detail: frame?.detail ?? "", retryAt: null };
  }

  isFlowing(connection) {
    return FLOWING.has(this.of(connection).state);
  }

  // The worst of these connections. `problem`: what to say where the desk says nothing.
  worst(connections, problem) {
    const found = connections.map((connection) => this.of(connection));
    const rank = ({ state }) => WORST_FIRST.indexOf(state);
    found.sort((a, b) => rank(a) - rank(b));
    if (!found.length) return { state: "off", detail: "No live prices on this page.", retryAt: null };
    return { ...found[0], detail: found[0].detail || problem };
  }
}

// While there is no socket that stands, or nothing is wanted of it; null when the desk's own words count.
export function withoutSocket({ stopped, paused, socket, tries, problem, retryAt }) {
  if (stopped) return { state: "sign_in_needed", detail: stopped, retryAt: null };
  if (paused) return { state: "paused", detail: "Prices stand still until you resume.", retryAt: null };
  if (socket === null) {
    const isLost = tries >= LOST_AFTER_TRIES || !navigator.onLine;
    return { state: isLost ? "disconnected" : "reconnecting", detail: problem, retryAt };
  }
  if (socket.readyState === WebSocket.OPEN) return null;
  return { state: tries ? "reconnecting" : "connecting", detail: "", retryAt: null };
}
