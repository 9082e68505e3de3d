// thread.js: the side panel with one message and its replies.
import { composer } from './composer.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { messageList } from './messages.js';

// thread draws the open thread of the channel, if there is one.
export function thread(client, channel) {
  const { thread: ts } = client.ui;
  if (!ts || !channel) return null;
  const items = (client.state.messages?.[channel.id] ?? []).filter((item) => item.ts === ts || item.thread_ts === ts);
  if (items.length === 0) return null;
  const close = () => client.update((ui) => { ui.thread = null; });
  return h('aside', { class: 'thread', 'aria-label': 'Thread', key: `thread-${ts}`, 'data-thread': ts,
    on: { keydown: (event) => { if (event.key === 'Escape' && !event.defaultPrevented) close(); } },
    hook: { mount: (el) => el.querySelector('textarea')?.focus() } },
  h('header', { class: 'place-head' },
    h('h2', { class: 'place-title' }, 'Thread'), h('span', { class: 'place-topic' }, client.channelName(channel)),
    h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Close thread', on: { click: close } }, icon('close'))),
  messageList(client, channel, items, { label: 'Thread replies', key: `log-${ts}` }),
  composer(client, channel, { ts }));
}
