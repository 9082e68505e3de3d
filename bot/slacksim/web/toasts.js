// toasts.js: short notices that need no answer.
import { h } from './dom.js';
import { icon } from './icons.js';

export function toasts(client) {
  const all = [...(client.state?.toasts ?? []), ...client.ui.toasts];
  return h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite', 'aria-label': 'Notices' },
    all.map((toast) => h('div', { class: 'toast', key: toast.id, 'data-toast': toast.id },
      h('span', { class: 'toast-text' }, toast.text),
      h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Dismiss notice', on: { click: () => client.dismiss(toast) } }, icon('close')))));
}
