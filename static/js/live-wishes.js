// What a page watches: symbols by connection, as its cells and its modules wish them.

export class Wishes {
  #onPage = new Map();
  #byModules = new Set();

  // The symbols of the page's cells, by connection.
  set onPage(symbols) {
    this.#onPage = symbols;
  }

  // Returns a function that takes the wish back.
  add(connection, symbols) {
    const wish = [connection, new Set(symbols)];
    this.#byModules.add(wish);
    return () => this.#byModules.delete(wish);
  }

  // All of them: sets of symbols by connection.
  all() {
    const wanted = new Map();
    for (const [connection, symbols] of [...this.#onPage, ...this.#byModules]) {
      if (!wanted.has(connection)) wanted.set(connection, new Set());
      for (const symbol of symbols) wanted.get(connection).add(symbol);
    }
    return wanted;
  }
}

// What to say so that what is watched becomes what is wanted: [action, connection, symbols] of each message.
export function steps(watched, wanted) {
  const found = [];
  for (const [connection, symbols] of watched) {
    const past = [...symbols].filter((symbol) => !wanted.get(connection)?.has(symbol));
    if (past.length) found.push(["unsubscribe", connection, past]);
  }
  for (const [connection, symbols] of wanted) {
    const before = watched.get(connection);
    const fresh = [...symbols].filter((symbol) => !before?.has(symbol));
    if (fresh.length || !before) found.push(["subscribe", connection, fresh]);
  }
  return found;
}
