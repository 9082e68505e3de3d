// message.js: draws one message: who, when, what, and its thread.
import { avatar, tagsOf } from './avatar.js';
import { blocks } from './blocks.js';
import { formatDate, timeOf } from './dates.js';
import { h } from './dom.js';
import { emojiOf } from './emoji.js';
import { files } from './files.js';
import { icon } from './icons.js';
import { Surface } from './surface.js';
import { mrkdwn } from './text.js';

// message draws an article. `follows` leaves out the author, whose message
// stands right above; `threaded` offers the thread.
export function message(client, channel, item, { follows = false, threaded = false } = {}) {
  const author = client.user(item.user) ?? { name: item.user, is_bot: item.is_bot };
  const name = author.real_name || author.name;
  const unix = Number(item.ts);
  const time = timeOf(unix, client.clock());
  const full = formatDate(unix, '{date_long} at {time_secs}', client.clock());
  const stamp = h('time', { class: 'message-time', title: full, datetime: new Date(unix * 1000).toISOString() }, time);
  return h('article', {
    class: `message${follows ? ' message-follows' : ''}${item.ephemeral ? ' message-ephemeral' : ''}`, key: item.ts,
    'aria-label': `Message from ${name} at ${time}`, 'data-channel': channel.id, 'data-ts': item.ts, 'data-user': item.user,
    'data-ephemeral': item.ephemeral ? 'true' : null,
  },
  h('div', { class: 'message-side' }, follows ? stamp : avatar({ ...author, is_bot: author.is_bot || item.is_bot })),
  h('div', { class: 'message-main' },
    item.ephemeral && h('p', { class: 'only-you' }, icon('eye'), 'Only visible to you'),
    !follows && h('div', { class: 'message-head' },
      h('span', { class: 'message-author' }, name), tagsOf({ ...author, is_bot: author.is_bot || item.is_bot }), stamp),
    body(client, channel, item),
    files(item),
    reactions(client, item),
    threaded && item.reply_count > 0 && h('button', { type: 'button', class: 'replies', on: { click: () => openThread(client, item) } },
      icon('reply'), `${item.reply_count} ${item.reply_count === 1 ? 'reply' : 'replies'}`)),
  threaded && !item.ephemeral && h('div', { class: 'message-tools' },
    h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Reply in thread', title: 'Reply in thread', on: { click: () => openThread(client, item) } },
      icon('reply'))));
}

function body(client, channel, item) {
  const edited = item.edited && [' ', h('span', { class: 'edited' }, '(edited)')];
  if (!item.blocks?.length) return h('div', { class: 'text message-body' }, mrkdwn(client, item.text), edited);
  const surface = new Surface(client, { type: 'message', channel: channel.id, ts: item.ts });
  return h('div', { class: 'message-body' }, blocks(surface, item.blocks), edited);
}

// reactions lists who reacted, by emoji name.
function reactions(client, item) {
  const all = Object.entries(item.reactions ?? {});
  if (all.length === 0) return null;
  return h('div', { class: 'reactions' }, all.map(([name, users]) => {
    const who = users.map((id) => client.user(id)?.real_name ?? id).join(', ');
    return h('span', { class: 'reaction', key: name, title: who }, emojiOf(name) ?? `:${name}:`, ` ${users.length}`,
      h('span', { class: 'unseen' }, ` ${name.replaceAll('_', ' ')} by ${who}`));
  }));
}

function openThread(client, item) {
  client.update((ui) => { ui.thread = item.thread_ts || item.ts; });
}
