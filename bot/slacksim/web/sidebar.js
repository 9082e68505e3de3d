// sidebar.js: who this tab is, and where it can go.
import { avatar, tagsOf } from './avatar.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { menu } from './menu.js';

export function sidebar(client) {
  const { state, ui } = client;
  const kind = (wanted) => state.channels.filter((channel) => channel.kind === wanted);
  return h('div', { class: `sidebar${ui.sidebar ? ' sidebar-open' : ''}`, id: 'sidebar' },
    personas(client),
    h('p', { class: 'workspace' }, state.team.name),
    h('nav', { class: 'nav', 'aria-label': 'Channels and apps' },
      group('Channels', kind('channel').map((channel) => entry(client, channel))),
      group('Direct messages', kind('dm').map((channel) => entry(client, channel))),
      group('Apps', [(client.appChannel() || state.home) && home(client), ...kind('app').map((channel) => entry(client, channel))])));
}

function personas(client) {
  const { me } = client.state;
  const people = (client.state.personas ?? []).map((id) => client.user(id)).filter(Boolean);
  return menu(client, {
    id: 'personas', className: 'persona', label: `Switch persona. You are ${me.real_name}${me.title ? `, ${me.title}` : ''}`,
    heading: 'See the workspace as',
    content: [avatar(me), h('span', { class: 'persona-text' },
      h('span', { class: 'persona-name' }, me.real_name), h('span', { class: 'persona-title' }, me.title)), icon('chevron')],
    items: people.map((user) => ({
      label: [user.real_name, tagsOf(user)], detail: user.title, lead: avatar(user, 'avatar-small'), checked: user.id === me.id,
      data: { 'data-persona': user.id }, run: () => client.switchPersona(user.id),
    })),
  });
}

function group(title, rows) {
  const entries = rows.filter(Boolean);
  if (entries.length === 0) return null;
  const id = `nav-${title.replace(' ', '-').toLowerCase()}`;
  return h('section', { class: 'nav-group', key: title, 'aria-labelledby': id },
    h('h2', { class: 'nav-title', id }, title), h('ul', { role: 'list' }, entries));
}

function entry(client, channel) {
  const { place } = client.ui;
  const here = place?.kind === 'channel' && place.id === channel.id;
  const mark = channel.kind === 'channel'
    ? h('span', { class: 'nav-mark', 'aria-hidden': true }, '#')
    : avatar(channel.kind === 'app' ? client.user(client.state.app.bot_user) ?? { name: client.state.app.name, is_bot: true } : client.user(channel.with), 'avatar-tiny');
  const name = client.channelName(channel).replace(/^#/, '');
  return row(client, { kind: 'channel', id: channel.id }, here, channel.unread, { 'data-channel': channel.id }, mark,
    h('span', { class: 'nav-name' }, name), channel.is_ext_shared && h('span', { class: 'nav-shared', title: 'Shared with another company' }, icon('shared'), h('span', { class: 'unseen' }, 'shared')));
}

function home(client) {
  const here = client.ui.place?.kind === 'home' || client.ui.place?.kind === 'about';
  return row(client, { kind: 'home' }, here, 0, { 'data-place': 'home' }, icon('home'), h('span', { class: 'nav-name' }, 'Home'));
}

function row(client, place, here, unread, data, ...content) {
  return h('li', { key: data['data-channel'] ?? 'home' }, h('button', {
    type: 'button', class: `nav-row${unread && !here ? ' nav-unread' : ''}`, 'aria-current': here ? 'page' : null, ...data,
    on: { click: () => client.go(place) },
  }, content, unread > 0 && !here && h('span', { class: 'badge' }, unread, h('span', { class: 'unseen' }, ' unread'))));
}
