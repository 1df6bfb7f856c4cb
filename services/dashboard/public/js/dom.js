/** Elements are made with text, never with markup: nothing that comes from outside is ever read as HTML. */

/**
 * @param {string} tag
 * @param {{class?: string, text?: string, title?: string, datetime?: string, scope?: string}} [options]
 * @param {Array<Node|undefined>} [children]
 */
export function element(tag, options = {}, children = []) {
  const made = document.createElement(tag);
  if (options.class) made.className = options.class;
  if (options.text !== undefined) made.textContent = options.text;
  if (options.title !== undefined) made.title = options.title;
  if (options.datetime !== undefined) made.dateTime = options.datetime;
  for (const child of children) if (child !== undefined) made.append(child);
  return made;
}

/** @param {string} id */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/** Changes text only where it differs, so that screen readers are not told the same again. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** Puts exactly one of the state classes on an element. */
export function setTone(target, tone) {
  for (const name of ['is-good', 'is-warn', 'is-bad']) target.classList.toggle(name, name === `is-${tone}`);
}

/**
 * Shows rows by key, and marks what is new since the last time.
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => Element} render
 * @param {Element} whenEmpty
 */
export function showList(parent, items, keyOf, render, whenEmpty) {
  const known = new Set([...parent.children].map((child) => child.dataset.key));
  const first = !parent.dataset.shown;
  parent.dataset.shown = 'yes';
  const rows = items.map((item) => {
    const row = render(item);
    row.dataset.key = keyOf(item);
    if (!first && !known.has(row.dataset.key)) row.classList.add('fresh');
    return row;
  });
  parent.replaceChildren(...(rows.length === 0 ? [whenEmpty] : rows));
}

/** A table row that says that there is nothing. */
export function emptyRow(columns, text) {
  const cell = element('td', { class: 'empty', text });
  cell.colSpan = columns;
  return element('tr', {}, [cell]);
}
