// inline.js: draws the smallest pieces of text, shared by mrkdwn and rich text:
// links, mentions, dates, emoji.
import { h } from './dom.js';
import { formatDate } from './dates.js';
import { safeURL } from './mrkdwn.js';

export function link(url, label) {
  if (!safeURL(url)) return h('span', null, label || url);
  return h('a', { class: 'link', href: url, target: '_blank', rel: 'noopener noreferrer' }, label || url);
}

export function userMention(client, id, label) {
  const user = client.user(id);
  const mine = id === client.state.me.id;
  return h('span', { class: `mention${mine ? ' mention-me' : ''}`, 'data-user': id }, `@${user?.real_name || user?.name || label || id}`);
}

export function channelMention(client, id, label) {
  const channel = client.channel(id);
  if (!channel) return h('span', { class: 'mention' }, `#${label || id}`);
  return h('button', { type: 'button', class: 'mention mention-button', on: { click: () => client.go({ kind: 'channel', id }) } },
    `#${channel.name}`);
}

export function groupMention(client, id, label) {
  const group = client.state.groups?.find((candidate) => candidate.id === id);
  const name = group?.handle ?? (label || id).replace(/^@/, '');
  return h('span', { class: 'mention', 'data-group': id }, `@${name}`);
}

export function broadcast(range) {
  return h('span', { class: 'mention mention-me' }, `@${range}`);
}

export function date(client, { unix, format, url, fallback }) {
  const text = Number.isFinite(unix) && Math.abs(unix) < 8.64e12 ? formatDate(unix, format, client.clock()) : fallback;
  const stamp = h('time', { title: fallback }, text || fallback);
  return url && safeURL(url) ? h('a', { class: 'link', href: url, target: '_blank', rel: 'noopener noreferrer' }, stamp) : stamp;
}

export function emoji(name, character) {
  return h('span', { class: 'emoji', role: 'img', 'aria-label': name.replaceAll('_', ' ') }, character);
}
