// shell.js: puts the page together: banner, sidebar, the place, its thread, and
// whatever is open above them.
import { composer } from './composer.js';
import { confirmation } from './confirm.js';
import { h } from './dom.js';
import { about, home, tabs } from './home.js';
import { icon } from './icons.js';
import { messageList, toEnd } from './messages.js';
import { modal } from './modal.js';
import { sidebar } from './sidebar.js';
import { thread } from './thread.js';
import { toasts } from './toasts.js';

// shell draws the whole page.
export function shell(client) {
  const { state, ui } = client;
  if (!state || !ui.place) return [banner(client), waiting(client)];
  const open = modal(client);
  const asked = confirmation(client);
  return [
    h('div', { class: 'shell', inert: Boolean(open || asked), key: 'shell', on: { keydown: (event) => escape(client, event) } },
      banner(client),
      h('div', { class: 'columns' },
        sidebar(client),
        ui.sidebar && h('div', { class: 'shade', on: { click: () => toggle(client) } }),
        h('main', { class: 'main' }, place(client)),
        thread(client, ui.place.kind === 'channel' ? client.channel(ui.place.id) : null))),
    h('div', { key: 'modal', inert: Boolean(asked) }, open),
    asked,
    toasts(client),
  ];
}

function banner(client) {
  const { online, failure } = client.ui;
  const lost = client.state && (!online || failure);
  return h('header', { class: 'banner' },
    h('p', null, h('strong', null, 'Not Slack'), ': a simulated workspace on this machine'),
    h('p', { class: 'link-state', role: 'status' }, lost ? 'Connection lost. Trying again…' : ''));
}

function waiting(client) {
  const { failure } = client.ui;
  return h('main', { class: 'empty', key: 'waiting' },
    failure ? [h('p', { class: 'empty-title', role: 'alert' }, failure), h('p', null, h('a', { class: 'link', href: '/' }, 'Start again'))]
      : h('p', { role: 'status' }, 'Opening the workspace…'));
}

function place(client) {
  const { place: at } = client.ui;
  const channel = at.kind === 'channel' ? client.channel(at.id) : client.appChannel();
  const app = at.kind !== 'channel' || channel?.kind === 'app';
  const body = at.kind === 'home' ? home(client) : at.kind === 'about' ? about(client) : conversation(client, channel);
  return [
    h('header', { class: 'place-head' },
      h('button', { type: 'button', class: 'icon-button sidebar-toggle', 'aria-label': 'Channels', 'aria-expanded': client.ui.sidebar,
        'aria-controls': 'sidebar', on: { click: () => toggle(client) } }, icon('lines')),
      h('h1', { class: 'place-title' }, app ? client.state.app.name : client.channelName(channel)),
      !app && h('span', { class: 'place-topic' }, channel.topic),
      !app && channel.is_ext_shared && h('span', { class: 'tag' }, 'Shared', h('span', { class: 'wide' }, ' with another company')),
      !app && channel.members?.length > 0 && h('span', { class: 'place-members' }, icon('person'), String(channel.members.length),
        h('span', { class: 'unseen' }, ' members'))),
    app && tabs(client),
    app ? h('div', { class: 'panel', role: 'tabpanel', id: 'app-panel', tabindex: at.kind === 'channel' ? null : '0',
      'aria-labelledby': `tab-${{ home: 'Home', about: 'About', channel: 'Messages' }[at.kind]}` }, body) : body,
  ];
}

function conversation(client, channel) {
  const items = (client.state.messages?.[channel.id] ?? []).filter((item) => !item.thread_ts || item.thread_ts === item.ts);
  const name = client.channelName(channel);
  const intro = h('p', { class: 'intro' }, channel.kind === 'channel' ? `This is the start of ${name}.` : `This is the start of your messages with ${name}.`);
  return [
    messageList(client, channel, items, { label: `Messages in ${name.replace(/^#/, '')}`, threaded: true, intro, key: `log-${channel.id}` }),
    client.ui.behind && h('button', { type: 'button', class: 'button to-end', on: { click: toEnd } }, 'Jump to the latest'),
    composer(client, channel),
  ];
}

function toggle(client) {
  client.update((ui) => { ui.sidebar = !ui.sidebar; });
}

function escape(client, event) {
  if (event.key !== 'Escape' || event.defaultPrevented) return;
  if (client.ui.sidebar) toggle(client);
}
