// select.js: one combobox for every select element: static and external, single
// and multi, users and channels. Typing filters; arrows, Enter, Escape and
// Backspace work as people expect.
import { h } from './dom.js';
import { icon } from './icons.js';
import { placed } from './popup.js';
import { chosen, fieldsOf, grouped, matching, offered, shapeOf } from './selection.js';
import { plain } from './text.js';

const TYPING_PAUSE = 250;
const DEFAULT_MIN_QUERY = 3; // Slack's, where min_query_length is absent

// select draws the element. Its open list and half-typed query are local to it
// and outlive a redraw.
export function select(surface, block, element, field) {
  return new Combobox(surface, block, element, field).draw();
}

class Combobox {
  constructor(surface, block, element, field) {
    Object.assign(this, { surface, block, element, field, client: surface.client });
    this.shape = shapeOf(element.type);
    this.local = this.client.local(field.id, () => (
      { open: false, typing: false, query: '', active: 0, groups: [], note: '', asked: 0 }));
    this.picked = chosen(this.client, this.shape, surface.read(block, element));
    this.listId = `${field.id}--list`;
  }

  draw() {
    const { local, shape, picked, field, element, block } = this;
    const groups = local.open ? this.groups() : [];
    this.flat = groups.flatMap((group) => group.options);
    local.active = Math.max(0, Math.min(local.active, this.flat.length - 1));
    const shown = shape.many || local.typing ? local.query : plain(picked[0]?.text);
    const clearable = !shape.many && picked.length > 0 && (block.type !== 'input' || block.optional);
    return h('div', { class: `select${shape.many ? ' select-many' : ''}`, key: `select-${element.action_id}` },
      h('div', { class: 'select-box', id: `${field.id}--box` },
        shape.many && picked.map((option) => this.chip(option)),
        h('input', {
          id: field.id, type: 'text', class: 'select-input', role: 'combobox', autocomplete: 'off', spellcheck: 'false',
          'aria-autocomplete': 'list', 'aria-expanded': local.open, 'aria-controls': this.listId, 'aria-haspopup': 'listbox',
          'aria-activedescendant': local.open && this.flat.length ? `${this.listId}-${local.active}` : null,
          'aria-label': field.bare ? field.label : null, 'aria-describedby': field.describedby,
          'aria-invalid': field.invalid ? true : null, 'aria-required': field.required ? true : null,
          'data-autofocus': element.focus_on_load ? true : null,
          placeholder: picked.length && shape.many ? null : plain(element.placeholder) || 'Choose',
          value: shown, ...this.surface.tags(block, element), on: this.handlers(),
        }),
        clearable && h('button', { type: 'button', class: 'icon-button select-clear', 'aria-label': 'Clear selection',
          on: { click: () => this.apply([]) } }, icon('close')),
        h('span', { class: 'select-arrow' }, icon('chevron'))),
      local.open && this.list(groups));
  }

  groups() {
    const groups = this.shape.source === 'external'
      ? this.local.groups
      : matching(offered(this.client, this.shape, this.element), this.local.typing || this.shape.many ? this.local.query : '');
    return groups.filter((group) => group.options.length > 0);
  }

  chip(option) {
    const text = plain(option.text);
    return h('span', { class: 'chip', key: `chip-${option.value}` }, text,
      h('button', { type: 'button', class: 'icon-button chip-remove', 'aria-label': `Remove ${text}`,
        on: { click: () => this.apply(this.picked.filter((other) => other.value !== option.value)) } }, icon('close')));
  }

  list(groups) {
    const anchor = placed(`${this.field.id}--box`, { match: true });
    const note = this.local.note || (this.flat.length === 0 ? 'No matches' : '');
    let index = -1;
    const put = (el) => {
      (anchor.update)(el);
      el.querySelector('.option-active')?.scrollIntoView({ block: 'nearest' });
    };
    return h('div', { class: 'popup select-list', hook: { mount: put, update: put }, on: { mousedown: (event) => event.preventDefault() } },
      h('div', { role: 'listbox', id: this.listId, 'aria-label': this.field.label || 'Options', 'aria-multiselectable': this.shape.many ? true : null },
        groups.map((group, at) => h('div', { role: 'group', 'aria-labelledby': group.label ? `${this.listId}-g${at}` : null, key: `g-${at}-${group.label}` },
          group.label && h('div', { class: 'option-group', id: `${this.listId}-g${at}`, role: 'presentation' }, group.label),
          group.options.map((option) => this.option(option, (index += 1)))))),
      h('p', { class: 'select-note', role: 'status', hidden: !note }, note));
  }

  option(option, index) {
    const on = this.picked.some((other) => other.value === option.value);
    return h('div', {
      role: 'option', id: `${this.listId}-${index}`, class: `option${index === this.local.active ? ' option-active' : ''}`,
      'aria-selected': on, 'data-value': option.value, key: `o-${option.value}`, on: { click: () => this.choose(option) },
    },
    h('span', { class: 'option-text' }, h('span', { class: 'option-label' }, plain(option.text)),
      option.description && h('span', { class: 'option-about' }, plain(option.description))),
    on && icon('check'));
  }

  handlers() {
    return {
      click: (event) => this.local.open || (event.target.select(), this.open()),
      input: (event) => this.type(event.target.value),
      blur: () => this.close(),
      keydown: (event) => this.key(event),
      keypress: (event) => event.key === 'Enter' && event.preventDefault(), // never sends the form, even without its keydown
    };
  }

  // set changes the local state and redraws.
  set(fields) {
    Object.assign(this.local, fields);
    this.client.draw();
  }

  open() {
    const { local, shape, picked } = this;
    const everything = shape.source === 'external' ? [] : offered(this.client, shape, this.element).flatMap((group) => group.options);
    const at = everything.findIndex((option) => option.value === picked[0]?.value);
    this.set({ open: true, active: Math.max(0, at) });
    if (shape.source === 'external') this.ask(local.typing || shape.many ? local.query : '');
  }

  close() {
    if (!this.local.open && !this.local.typing && !this.local.query) return;
    clearTimeout(this.local.timer);
    this.set({ open: false, typing: false, query: '', groups: [], note: '', asked: this.local.asked + 1 });
  }

  type(query) {
    this.set({ open: true, typing: true, query, active: 0 });
    if (this.shape.source === 'external') this.ask(query);
  }

  // ask fetches suggestions once the typing rests. Answers that come after a
  // newer question are dropped.
  ask(query) {
    const { local, element } = this;
    const missing = (element.min_query_length ?? DEFAULT_MIN_QUERY) - [...query].length;
    const asked = local.asked + 1;
    clearTimeout(local.timer);
    if (missing > 0) {
      this.set({ asked, groups: [], note: `Type ${missing} more character${missing === 1 ? '' : 's'} to search` });
      return;
    }
    this.set({ asked, note: local.groups.length ? '' : 'Loading…' });
    local.timer = setTimeout(() => this.fetch(query, asked), query ? TYPING_PAUSE : 0);
  }

  async fetch(query, asked) {
    const { block, element, surface, local } = this;
    const reply = await this.client.post({ type: 'suggest', container: surface.container, block_id: block.block_id, action_id: element.action_id, value: query });
    if (local.asked !== asked) return;
    if (!reply.ok) {
      this.set({ groups: [], note: reply.error || 'The app did not answer.' });
      return;
    }
    const groups = grouped(reply).filter((group) => group.options.length > 0);
    this.set({ groups, active: 0, note: groups.length ? '' : 'No matches' });
  }

  choose(option) {
    const without = this.picked.filter((other) => other.value !== option.value);
    if (!this.shape.many) {
      this.close();
      this.apply([option]);
      return;
    }
    const added = without.length === this.picked.length ? [...this.picked, option] : without;
    if (added.length > (this.element.max_selected_items ?? Infinity)) {
      this.set({ note: `Choose up to ${this.element.max_selected_items}` });
      return;
    }
    if (this.local.query) this.type('');
    this.apply(added);
  }

  async apply(options) {
    const { element, surface, block, shape } = this;
    document.getElementById(this.field.id)?.focus({ preventScroll: true });
    if (element.confirm && !(await this.client.confirm(element.confirm))) return;
    surface.change(block, element, fieldsOf(shape, options));
  }

  key(event) {
    const { local, shape, picked } = this;
    if (event.isComposing) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!local.open) this.open();
      else if (this.flat.length) this.set({ active: (local.active + (event.key === 'ArrowDown' ? 1 : -1) + this.flat.length) % this.flat.length });
      return;
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      if (!local.open) this.open();
      else if (this.flat[local.active]) this.choose(this.flat[local.active]);
      return;
    }
    if (event.key === 'Escape' && local.open) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
      return;
    }
    if (event.key === 'Backspace' && shape.many && !event.target.value && picked.length) this.apply(picked.slice(0, -1));
  }
}
