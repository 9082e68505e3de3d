// menu.js: a button that opens a menu of actions, usable by mouse and keyboard.
import { h } from './dom.js';
import { placed } from './popup.js';

// menu draws the button and, while open, its items. An item is {label, detail,
// run} with optional data attributes (`data`) and `checked` (then the menu is a
// choice of one). Only one menu is open at a time.
export function menu(client, { id, label, describe, className = '', content, items, heading, busy, data }) {
  const open = client.ui.menu === id;
  const trigger = h('button', {
    type: 'button', id, class: `menu-trigger ${className}`, 'aria-haspopup': 'menu', 'aria-expanded': open,
    'aria-controls': open ? `${id}-items` : null, 'aria-label': label, title: describe, 'aria-busy': busy ? true : null, ...data,
    on: {
      click: () => client.update((ui) => { ui.menu = open ? null : id; }),
      keydown: (event) => {
        if (event.key !== 'ArrowDown' || open) return;
        event.preventDefault();
        client.update((ui) => { ui.menu = id; });
      },
    },
  }, content);
  return h('span', { class: 'menu', 'data-menu': id, key: `menu-${id}` }, trigger, open && list(client, { id, label, items, heading }));
}

function list(client, { id, label, items, heading }) {
  return h('div', {
    id: `${id}-items`, class: 'popup menu-items', role: 'menu', 'aria-label': label,
    on: { keydown: (event) => steer(client, id, event) },
    hook: {
      mount: (el) => {
        placed(id).mount(el);
        (el.querySelector('[aria-checked="true"]') ?? el.querySelector('button'))?.focus();
      },
      update: placed(id).update,
    },
  },
  heading && h('p', { class: 'menu-heading', role: 'presentation' }, heading),
  items.map((item) => h('button', {
    type: 'button', class: 'menu-item', tabindex: '-1', role: item.checked === undefined ? 'menuitem' : 'menuitemradio',
    'aria-checked': item.checked, ...item.data,
    on: {
      click: () => {
        closeMenu(client, id);
        item.run();
      },
    },
  }, item.lead, h('span', { class: 'menu-text' }, h('span', { class: 'menu-label' }, item.label),
    item.detail && h('span', { class: 'menu-detail' }, item.detail)))));
}

function closeMenu(client, id) {
  document.getElementById(id)?.focus();
  client.update((ui) => { ui.menu = null; });
}

function steer(client, id, event) {
  const entries = [...event.currentTarget.querySelectorAll('.menu-item')];
  const at = entries.indexOf(document.activeElement);
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
  if (event.key in steps) {
    event.preventDefault();
    entries.at(steps[event.key] % entries.length)?.focus();
    return;
  }
  if (event.key === 'Escape' || event.key === 'Tab') {
    event.preventDefault();
    event.stopPropagation();
    closeMenu(client, id);
    return;
  }
  if (event.key.length !== 1 || event.key === ' ') return;
  const letter = event.key.toLowerCase();
  const rotated = [...entries.slice(at + 1), ...entries.slice(0, at + 1)];
  rotated.find((entry) => entry.textContent.trim().toLowerCase().startsWith(letter))?.focus();
}

// closeOnOutside closes the open menu when the person presses elsewhere.
export function closeOnOutside(client) {
  document.addEventListener('pointerdown', (event) => {
    const { menu: id } = client.ui;
    if (!id || event.target.closest?.('[data-menu]')?.dataset.menu === id) return;
    client.update((ui) => { ui.menu = null; });
  }, true);
}
