// messages.js: the message list of a channel. It stays at the end while the
// person is there, and stays put while they read further up.
import { dayOf } from './dates.js';
import { h } from './dom.js';
import { message } from './message.js';

const GROUP_SECONDS = 300;
const NEAR_END = 48;

// messageList draws items as a log named `label`.
export function messageList(client, channel, items, { label, threaded = false, intro = null, key }) {
  const clock = client.clock();
  let last = null;
  const rows = [];
  for (const item of items) {
    const day = dayOf(Number(item.ts), clock);
    const newDay = threaded && (!last || dayOf(Number(last.ts), clock) !== day);
    if (newDay) rows.push(h('div', { class: 'day', key: `day-${day}`, role: 'separator', 'aria-label': day }, h('span', null, day)));
    rows.push(message(client, channel, item, { threaded, follows: !newDay && joins(last, item) }));
    last = item;
  }
  return h('div', {
    class: 'log', role: 'log', 'aria-label': label, 'aria-live': 'polite', tabindex: '0', key, 'data-channel': channel.id,
    hook: { mount: watch(client, threaded), update: keep }, // keeps to the end, or stays put
  }, h('div', { class: 'log-inner' }, intro, rows));
}

// joins says whether an item reads as a continuation of the one above.
function joins(last, item) {
  return Boolean(last) && last.user === item.user && !last.ephemeral && !item.ephemeral && !item.blocks?.length && !last.blocks?.length
    && Number(item.ts) - Number(last.ts) < GROUP_SECONDS;
}

// follows remembers, per log, whether it follows its newest message and where
// it was put last. Only a person scrolls up from there.
const follows = new WeakMap();

function watch(client, main) {
  return (el) => {
    follows.set(el, { end: true, top: 0 });
    const look = () => {
      const { end } = settle(el);
      if (main && client.ui.behind === end) client.update((ui) => { ui.behind = !end; });
    };
    el.addEventListener('scroll', look, { passive: true });
    el.addEventListener('load', () => keep(el), true);
    const sizes = new ResizeObserver(() => keep(el));
    sizes.observe(el);
    sizes.observe(el.firstElementChild);
    keep(el);
  };
}

// settle takes note of where the log is now.
function settle(el) {
  const before = follows.get(el);
  const near = el.scrollHeight - el.scrollTop - el.clientHeight < NEAR_END;
  const now = { end: near || (before.end && el.scrollTop >= before.top), top: el.scrollTop };
  follows.set(el, now);
  return now;
}

function keep(el) {
  if (!settle(el).end) return;
  el.scrollTop = el.scrollHeight;
  settle(el);
}

// toEnd brings a log back to its newest message.
export function toEnd() {
  const log = document.querySelector('.main .log');
  log?.scrollTo({ top: log.scrollHeight });
}
