// Builds DOM nodes. Text always becomes a text node, so nothing in a message can turn into markup.

/**
 * Makes an element.
 * Properties starting with "on" are listeners, "data" is an object of data attributes, `true` sets an empty attribute,
 * `false`, null and undefined leave the attribute out. Children may be nodes, strings, numbers, nested arrays or null.
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) setProperty(node, name, value);
  add(node, children);
  return node;
}

function setProperty(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "data") Object.assign(node.dataset, withoutEmpty(value));
  else if (name === "value") node.value = value;
  else node.setAttribute(name, value === true ? "" : String(value));
}

function withoutEmpty(object) {
  return Object.fromEntries(Object.entries(object).filter(([, v]) => v !== null && v !== undefined));
}

/** Appends children, flattening arrays and leaving out null and false. */
export function add(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

/** Replaces everything inside `node`. */
export function fill(node, ...children) {
  node.replaceChildren();
  return add(node, children);
}

/**
 * Makes the children of `parent` the nodes of `items`, keeping every node whose key and signature are unchanged, so that
 * focus, typed text and scroll position survive a new state.
 *
 * @param {HTMLElement} parent
 * @param {{key: string, signature: string, make: () => HTMLElement}[]} items
 */
export function keep(parent, items) {
  const old = parent.keptNodes || new Map();
  const kept = new Map();
  let cursor = parent.firstChild;
  for (const item of items) {
    const before = old.get(item.key);
    const same = before && before.signature === item.signature;
    const node = same ? before.node : item.make();
    if (before && !same) {
      const focused = focusMark(before.node);
      if (cursor === before.node) cursor = cursor.nextSibling;
      before.node.remove();
      parent.insertBefore(node, cursor);
      focusAgain(node, focused);
    } else if (node === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(node, cursor);
    kept.set(item.key, { node, signature: item.signature });
  }
  for (const [key, { node }] of old) if (!kept.has(key)) node.remove();
  while (cursor) {
    const next = cursor.nextSibling;
    if (![...kept.values()].some((k) => k.node === cursor)) cursor.remove();
    cursor = next;
  }
  parent.keptNodes = kept;
}

/** Remembers which control inside `root` has the focus, and where its caret is. */
export function focusMark(root) {
  const active = document.activeElement;
  if (!active || !root.contains(active)) return null;
  let caret = null;
  try { caret = [active.selectionStart, active.selectionEnd]; } catch { caret = null; }
  return { like: likeness(active), value: active.value, caret };
}

/** What stays the same of a control when it is drawn anew: `data-keep`, its action, its other data, or else its words. */
function likeness(node) {
  const { keep: same, actionId, blockId, ...data } = node.dataset;
  if (same) return same;
  if (actionId) return JSON.stringify([actionId, blockId]);
  return JSON.stringify(Object.keys(data).length ? data : [node.tagName, node.id, node.getAttribute("aria-label") ?? node.textContent]);
}

/** Gives the focus back to the control remembered by `focusMark`. */
export function focusAgain(root, mark) {
  if (!mark) return false;
  const same = [root, ...root.querySelectorAll("a[href], button, input, select, textarea, [tabindex]")].filter((n) => likeness(n) === mark.like);
  const node = same.find((n) => n.value === mark.value) || same[0];
  if (!node) return false;
  node.focus({ preventScroll: true });
  if (mark.caret && mark.caret[0] !== null && node.setSelectionRange) {
    try { node.setSelectionRange(...mark.caret); } catch { /* number and email inputs have no caret to set */ }
  }
  return true;
}

let ids = 0;
/** A fresh id for binding labels to inputs. */
export function freshId(prefix = "n") {
  ids += 1;
  return `${prefix}${ids}`;
}

/** Only these kinds of address may become a link or an image; anything else stays text. */
export function safeUrl(url) {
  if (typeof url !== "string") return null;
  if (/^\/(?!\/)/.test(url)) return url;
  return /^(https?:|mailto:|tel:)/i.test(url.trim()) ? url.trim() : null;
}

/** A link that opens in a new tab, or the plain children when the address is not one we open. */
export function link(url, ...children) {
  const href = safeUrl(url);
  return href ? el("a", { href, target: "_blank", rel: "noopener noreferrer" }, children) : el("span", {}, children);
}
