// Brings a part of the page up to date in place: what stays is not rebuilt, so pointer, focus and scroll stay too.
// Children with data-key are matched by it wherever they stand; the others by their place.

// What belongs to the page, not to its text: a cell's age, a part that a person has opened.
const LEFT = new Set(["data-stale", "open", "aria-expanded"]);
const TEXT = 3;
const ELEMENT = 1;
const keyOf = (node) => (node.nodeType === ELEMENT ? (node.dataset?.key ?? null) : null);

// Make `old` look like `fresh`. Where `isKept(element)` is true of both, the element stays as it is.
export function patch(old, fresh, isKept = () => false) {
  if (isKept(old) && isKept(fresh)) return;
  patchAttributes(old, fresh);
  const kept = new Map();
  const wanted = new Set([...fresh.children].map(keyOf));
  for (const child of [...old.children]) {
    const key = keyOf(child);
    if (key === null) continue;
    if (wanted.has(key)) kept.set(key, child);
    else child.remove();
  }
  let cursor = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const match = keyOf(child) === null ? sameKind(cursor, child) : kept.get(keyOf(child));
    while (match && cursor !== match && cursor?.nodeType === TEXT) cursor = drop(cursor);
    if (!match) old.insertBefore(document.importNode(child, true), cursor);
    else if (match === cursor) cursor = cursor.nextSibling;
    else old.insertBefore(match, cursor);
    if (match?.nodeType === ELEMENT) patch(match, child, isKept);
    else if (match && match.data !== child.data) match.data = child.data;
  }
  while (cursor) cursor = drop(cursor);
}

function sameKind(node, child) {
  return node && keyOf(node) === null && node.nodeName === child.nodeName ? node : null;
}

function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function patchAttributes(old, fresh) {
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !LEFT.has(name)) old.removeAttribute(name);
  }
}
