// confirm.js: the question some elements ask before they act.
import { dialog } from './dialog.js';
import { h } from './dom.js';
import { plain, textObject } from './text.js';

// confirmation draws the open question, if there is one.
export function confirmation(client) {
  const asked = client.ui.confirm;
  if (!asked) return null;
  const { question, answer } = asked;
  const danger = question.style === 'danger'; // then the focus starts on the safe answer
  return dialog({
    key: 'confirm', className: 'scrim-confirm', describedby: 'confirm-text', onEscape: () => answer(false),
    data: { 'data-confirm': '' },
    title: (id) => h('h2', { id, class: 'dialog-title' }, plain(question.title) || 'Are you sure?'),
  },
  h('div', { class: 'dialog-body text', id: 'confirm-text' }, textObject(client, question.text)),
  h('div', { class: 'dialog-foot' },
    h('button', { type: 'button', class: 'button', 'data-autofocus': danger, on: { click: () => answer(false) } }, plain(question.deny) || 'Cancel'),
    h('button', { type: 'button', class: `button ${danger ? 'button-danger' : 'button-primary'}`, 'data-autofocus': !danger, on: { click: () => answer(true) } },
      plain(question.confirm) || 'Confirm')));
}
