// composer.js: where messages and slash commands are written.
import { h } from './dom.js';
import { icon } from './icons.js';
import { menu } from './menu.js';
import { placed } from './popup.js';
import { asMrkdwn } from './typed.js';

// composer draws the writing box of a channel, or of a thread with `ts`.
export function composer(client, channel, { ts } = {}) {
  return new Composer(client, channel, ts).draw();
}

class Composer {
  constructor(client, channel, ts) {
    Object.assign(this, { client, channel, ts });
    this.key = ts ? `${channel.id}-${ts}` : channel.id;
    this.id = `compose-${this.key.replace('.', '-')}`;
    this.slash = client.local(this.id, () => ({ active: 0, hidden: false }));
    this.text = client.ui.drafts.get(this.key) ?? '';
    this.commands = this.offered();
  }

  // offered lists the commands that the text so far could become.
  offered() {
    if (this.ts || this.slash.hidden || !/^\/\S*$/.test(this.text)) return [];
    return (this.client.state.commands ?? []).filter((entry) => entry.command.startsWith(this.text.toLowerCase()));
  }

  draw() {
    const { client, channel, ts, id, commands, slash } = this;
    const name = ts ? 'Reply' : `Message ${client.channelName(channel)}`;
    slash.active = Math.max(0, Math.min(slash.active, commands.length - 1));
    const open = commands.length > 0;
    const hint = this.hint();
    return h('div', { class: 'composer', key: `composer-${this.key}` },
      h('form', { class: 'composer-box', id: `${id}-box`, on: { submit: (event) => { event.preventDefault(); this.send(); } } },
        h('textarea', {
          id, rows: '1', value: this.text, placeholder: name, 'aria-label': name, autocomplete: 'off',
          'aria-autocomplete': ts ? null : 'list', 'aria-controls': open ? `${id}-list` : null,
          'aria-activedescendant': open ? `${id}-list-${slash.active}` : null, 'aria-describedby': hint ? `${id}-hint` : null,
          'data-channel': channel.id, 'data-thread': ts ?? null,
          on: { input: (event) => this.type(event.target.value), keydown: (event) => this.press(event),
            keypress: (event) => event.key === 'Enter' && !event.shiftKey && event.preventDefault(), blur: () => this.hide() },
          hook: { mount: grow, update: grow },
        }),
        h('div', { class: 'composer-tools' },
          !ts && this.shortcuts(),
          hint && h('p', { class: 'composer-hint', id: `${id}-hint` }, hint),
          h('button', { type: 'submit', class: 'icon-button send', 'aria-label': ts ? 'Send reply' : 'Send message', disabled: !this.text.trim() }, icon('send')))),
      open && this.list());
  }

  // hint shows how the typed command is used.
  hint() {
    const typed = /^(\/\S+)\s/.exec(this.text)?.[1];
    const entry = typed && !this.ts && this.client.state.commands?.find((candidate) => candidate.command === typed);
    return entry ? [h('strong', null, entry.command), ' ', entry.usage_hint] : null;
  }

  list() {
    const { id, commands, slash } = this;
    return h('div', { class: 'popup slash-list', role: 'listbox', id: `${id}-list`, 'aria-label': 'Commands',
      hook: placed(`${id}-box`, { match: true }), on: { mousedown: (event) => event.preventDefault() } },
    commands.map((entry, index) => h('div', {
      class: `option${index === slash.active ? ' option-active' : ''}`, role: 'option', id: `${id}-list-${index}`,
      'aria-selected': index === slash.active, 'data-command': entry.command, key: entry.command, on: { click: () => this.choose(entry) },
    }, h('span', { class: 'option-text' },
      h('span', { class: 'option-label' }, h('strong', null, entry.command), ' ', h('span', { class: 'usage' }, entry.usage_hint)),
      h('span', { class: 'option-about' }, entry.description)))));
  }

  shortcuts() {
    const { client, id } = this;
    const items = (client.state.shortcuts ?? []).map((shortcut) => ({
      label: shortcut.name, detail: shortcut.description, lead: icon('bolt'), data: { 'data-callback-id': shortcut.callback_id },
      run: () => client.act({ type: 'shortcut', callback_id: shortcut.callback_id }),
    }));
    if (items.length === 0) return null;
    return menu(client, { id: `${id}-shortcuts`, label: 'Shortcuts', describe: 'Shortcuts', className: 'icon-button',
      content: icon('bolt'), items, heading: 'Shortcuts' });
  }

  type(text) {
    Object.assign(this.slash, { hidden: false, active: 0 });
    this.client.update((ui) => ui.drafts.set(this.key, text));
  }

  hide() {
    if (this.commands.length === 0) return;
    this.slash.hidden = true;
    this.client.draw();
  }

  choose(entry) {
    this.type(`${entry.command} `);
    document.getElementById(this.id)?.focus();
  }

  press(event) {
    const { commands, slash } = this;
    if (event.isComposing) return;
    if (commands.length > 0) {
      if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        event.preventDefault();
        slash.active = (slash.active + (event.key === 'ArrowDown' ? 1 : -1) + commands.length) % commands.length;
        this.client.draw();
        return;
      }
      const whole = commands[slash.active].command === this.text;
      if ((event.key === 'Tab' && !event.shiftKey) || (event.key === 'Enter' && !whole)) {
        event.preventDefault();
        this.choose(commands[slash.active]);
        return;
      }
      if (event.key === 'Escape') {
        event.preventDefault();
        this.hide();
        return;
      }
    }
    if (event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    this.send();
  }

  async send() {
    const { client, channel, ts, key } = this;
    const text = this.text.trim();
    if (!text) return;
    const command = text.startsWith('/');
    if (command && ts) {
      client.toast('Slash commands do not work in threads. Write it in the channel instead.');
      return;
    }
    client.update((ui) => ui.drafts.delete(key));
    const body = { type: command ? 'command' : 'message', channel: channel.id, text: command ? text : asMrkdwn(client, text) };
    if (ts) body.thread_ts = ts;
    const reply = await client.act(body);
    if (reply.ok || client.ui.drafts.get(key)) return;
    this.slash.hidden = true; // the text comes back to be sent again, not to be completed
    client.update((ui) => ui.drafts.set(key, text));
  }
}

// grow fits the box to its text.
function grow(el) {
  el.style.height = 'auto';
  el.style.height = `${Math.min(el.scrollHeight + 2, 200)}px`;
}
