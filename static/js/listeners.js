// Who wants to hear what: listeners by kind of news.

export class Listeners {
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
