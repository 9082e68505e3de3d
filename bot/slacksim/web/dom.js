// dom.js: a small virtual DOM. It changes only what differs, so that a focused
// input, half-typed text, a scroll position and an open menu outlive a redraw.
// Text only ever reaches the page as text nodes and attribute values.

const SVG = 'http://www.w3.org/2000/svg';
const PROPERTIES = new Set(['value', 'checked']);

const drawn = new WeakMap();
const handlers = new WeakMap();

// h makes one virtual element. Props are attributes, except: `on` (event name to
// handler), `style` (an object), `key` (identity among siblings) and `hook`
// ({mount, update, unmount}, each called with the element).
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, key: props?.key, children: flatten(children) };
}

function flatten(children, out = []) {
  for (const child of children) {
    if (child === null || child === undefined || child === false || child === true) continue;
    if (Array.isArray(child)) flatten(child, out);
    else if (typeof child === 'object') out.push(child);
    else out.push({ tag: '#text', text: String(child), children: [], props: {} });
  }
  return out;
}

// render makes root's content equal to the virtual children.
export function render(root, ...children) {
  const next = flatten(children);
  const pass = { hooks: [], active: document.activeElement };
  reconcile(root, drawn.get(root) ?? [], next, pass, false);
  drawn.set(root, next);
  if (pass.active?.isConnected && document.activeElement !== pass.active) {
    pass.active.focus({ preventScroll: true });
  }
  for (const run of pass.hooks) run();
}

function reconcile(parent, before, after, pass, svg) {
  const old = new Map();
  for (const [name, node] of identities(before)) old.set(name, node);
  const pairs = identities(after).map(([name, node]) => {
    const match = old.get(name);
    old.delete(name);
    return [match, node];
  });
  for (const gone of old.values()) {
    unmount(gone);
    gone.el.remove();
  }
  let cursor = parent.firstChild;
  for (const [match, node] of pairs) {
    if (match) patch(match, node, pass, svg);
    else mount(node, pass, svg);
    if (node.el === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(node.el, cursor);
  }
}

// identities names each sibling by tag, key and its count among equals.
function identities(nodes) {
  const seen = new Map();
  return nodes.map((node) => {
    const base = `${node.tag}|${node.key ?? ''}`;
    const count = seen.get(base) ?? 0;
    seen.set(base, count + 1);
    return [`${base}|${count}`, node];
  });
}

function mount(node, pass, svg) {
  if (node.tag === '#text') {
    node.el = document.createTextNode(node.text);
    return;
  }
  const inSVG = svg || node.tag === 'svg';
  node.el = inSVG ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
  const { hook } = node.props;
  if (hook?.mount) pass.hooks.push(() => hook.mount(node.el, pass.active));
  reconcile(node.el, [], node.children, pass, inSVG);
  setProps(node.el, {}, node.props);
}

function patch(before, node, pass, svg) {
  node.el = before.el;
  if (node.tag === '#text') {
    if (before.text !== node.text) node.el.data = node.text;
    return;
  }
  const { hook } = node.props;
  if (hook?.update) pass.hooks.push(() => hook.update(node.el, pass.active));
  reconcile(node.el, before.children, node.children, pass, svg || node.tag === 'svg');
  setProps(node.el, before.props, node.props);
}

function unmount(node) {
  node.children.forEach(unmount);
  node.props.hook?.unmount?.(node.el);
}

function setProps(el, before, after) {
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const value = after[name];
    if (name === 'key' || name === 'hook') continue;
    if (name === 'on') setHandlers(el, value ?? {});
    else if (name === 'style') setStyle(el, before.style ?? {}, value ?? {});
    else if (PROPERTIES.has(name)) setProperty(el, name, value);
    else if (before[name] !== value) setAttribute(el, name, value);
  }
}

function setProperty(el, name, value) {
  const wanted = value ?? (name === 'value' ? '' : false);
  if (el[name] !== wanted) el[name] = wanted;
}

function setAttribute(el, name, value) {
  if (value === null || value === undefined || (value === false && !name.startsWith('aria-'))) {
    el.removeAttribute(name);
    return;
  }
  const bare = value === true && !name.startsWith('aria-');
  el.setAttribute(name, bare ? '' : String(value));
}

function setStyle(el, before, after) {
  for (const name of Object.keys(before)) if (!(name in after)) el.style.removeProperty(name);
  for (const [name, value] of Object.entries(after)) el.style.setProperty(name, value);
}

// setHandlers registers one stable listener per event and swaps what it calls.
function setHandlers(el, on) {
  let current = handlers.get(el);
  if (!current) handlers.set(el, (current = { on: {}, listening: new Set() }));
  current.on = on;
  for (const name of Object.keys(on)) {
    if (current.listening.has(name)) continue;
    current.listening.add(name);
    el.addEventListener(name, (event) => current.on[name]?.(event));
  }
}
