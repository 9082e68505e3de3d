// home.js: the app's own place with its three tabs: Home, Messages, About.
import { avatar } from './avatar.js';
import { blocks } from './blocks.js';
import { h } from './dom.js';
import { Surface } from './surface.js';

// tabs draws the row of tabs. Arrow keys move between them.
export function tabs(client) {
  const dm = client.appChannel();
  const { place } = client.ui;
  const all = [
    { name: 'Home', place: { kind: 'home' } },
    dm && { name: 'Messages', place: { kind: 'channel', id: dm.id }, unread: dm.unread },
    { name: 'About', place: { kind: 'about' } },
  ].filter(Boolean);
  const at = all.findIndex((tab) => tab.place.kind === place.kind);
  const steer = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    client.go(all[(at + step + all.length) % all.length].place);
    client.flush();
    document.querySelector('[role="tab"][aria-selected="true"]')?.focus();
  };
  return h('div', { class: 'tabs', role: 'tablist', 'aria-label': client.state.app.name, on: { keydown: steer } },
    all.map((tab, index) => h('button', {
      type: 'button', class: 'tab', role: 'tab', id: `tab-${tab.name}`, 'aria-selected': index === at, 'aria-controls': 'app-panel',
      tabindex: index === at ? '0' : '-1', key: tab.name, on: { click: () => client.go(tab.place) },
    }, tab.name, index !== at && tab.unread > 0 && h('span', { class: 'badge' }, tab.unread, h('span', { class: 'unseen' }, ' unread')))));
}

// home draws the view the app published for this persona.
export function home(client) {
  const view = client.state.home;
  if (!view) {
    return h('div', { class: 'empty', key: 'home-empty' },
      h('p', { class: 'empty-title' }, `${client.state.app.name} has not drawn your Home yet.`),
      h('p', null, 'It appears here as soon as the app publishes it.'));
  }
  const surface = new Surface(client, { type: 'view', view_id: view.id }, { errors: client.errorsOf(view) });
  return h('div', { class: 'home', key: 'home', 'data-view-id': view.id }, blocks(surface, view.blocks));
}

// about tells what the app offers.
export function about(client) {
  const { app, commands = [], shortcuts = [] } = client.state;
  return h('div', { class: 'home about', key: 'about' },
    h('div', { class: 'about-head' }, avatar(client.user(app.bot_user) ?? { name: app.name, is_bot: true }, 'avatar-large'),
      h('div', null, h('h3', { class: 'header' }, app.name), h('p', { class: 'quiet' }, `App ${app.id}`))),
    list('Commands', commands.map((entry) => [h('code', null, `${entry.command} ${entry.usage_hint ?? ''}`), entry.description])),
    list('Shortcuts', shortcuts.map((entry) => [entry.name, entry.description])),
    client.state.me.is_admin && list('Accounts', accounts(client).map((user) => [user.real_name, leave(client, user)])));
}

// accounts are those that an admin of the workspace can deactivate.
function accounts({ state }) {
  return state.users.filter((user) => !user.is_bot && !user.deleted && !user.is_stranger && user.id !== state.me.id);
}

function leave(client, user) {
  const text = (words) => ({ type: 'plain_text', text: words });
  const question = {
    title: text(`Deactivate ${user.real_name}?`), text: text('The account stops working at once, and every app is told.'),
    confirm: text('Deactivate'), deny: text('Cancel'), style: 'danger',
  };
  const ask = async () => {
    if (await client.confirm(question)) client.act({ type: 'deactivate', id: user.id });
  };
  return h('button', { type: 'button', class: 'button', 'aria-label': `Deactivate ${user.real_name}`, on: { click: ask } }, 'Deactivate');
}

function list(title, rows) {
  if (rows.length === 0) return null;
  return [h('h4', { class: 'about-title' }, title),
    h('dl', { class: 'about-list' }, rows.map(([term, detail]) => [h('dt', null, term), h('dd', null, detail)]))];
}
