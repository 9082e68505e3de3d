// modal.js: the stack of views an app has opened. Only the top one shows; the
// others keep what was typed until they show again.
import { blocks } from './blocks.js';
import { dialog, focusFirst } from './dialog.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { Surface } from './surface.js';
import { plain } from './text.js';
import { validate } from './validate.js';

// modal draws the top view of the stack, if there is one.
export function modal(client) {
  const view = client.state.views?.at(-1);
  if (!view) return null;
  const surface = new Surface(client, { type: 'view', view_id: view.id }, { errors: client.errorsOf(view) });
  const pending = view.pending || client.ui.busy.has(`submit-${view.id}`);
  const nested = client.state.views.length > 1;
  const close = plain(view.close) || (view.submit ? 'Cancel' : 'Close');
  return dialog({
    key: `modal-${view.root_id || view.id}`, onEscape: () => shut(client, view, false),
    data: { 'data-view-id': view.id, 'data-callback-id': view.callback_id },
    title: (id) => h('div', { class: 'dialog-head' },
      nested && h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Back', on: { click: () => shut(client, view, false) } }, icon('back')),
      h('h2', { id, class: 'dialog-title' }, plain(view.title)),
      h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Dismiss dialog', on: { click: () => shut(client, view, true) } }, icon('close'))),
  },
  h('form', {
    class: 'dialog-form', novalidate: true, key: view.id,
    hook: { mount: (el) => focusFirst(el.closest('.dialog')) },
    on: { submit: (event) => { event.preventDefault(); submit(client, view); } },
  },
  h('div', { class: 'dialog-body' },
    client.ui.trouble.has(view.id) && h('p', { class: 'error trouble', role: 'alert' }, client.ui.trouble.get(view.id)),
    blocks(surface, view.blocks)),
  h('div', { class: 'dialog-foot' },
    h('button', { type: 'button', class: 'button', on: { click: () => shut(client, view, false) } }, close),
    view.submit && h('button', { type: 'submit', class: 'button button-primary', disabled: pending, 'aria-busy': pending ? true : null },
      pending && h('span', { class: 'spinner', 'aria-hidden': true }), plain(view.submit)))));
}

function shut(client, view, clear) {
  client.act({ type: 'view_close', view_id: view.id, clear });
}

async function submit(client, view) {
  const busy = `submit-${view.id}`;
  if (!view.submit || client.ui.busy.has(busy)) return;
  const values = client.values.of(`view-${view.id}`);
  const found = validate(view.blocks, values);
  if (Object.keys(found).length > 0) {
    showErrors(client, view, found);
    return;
  }
  client.update((ui) => {
    ui.busy.add(busy);
    ui.trouble.delete(view.id);
    ui.errors.set(view.id, {});
  });
  const reply = await client.post({ type: 'view_submit', view_id: view.id, values });
  await client.refresh();
  client.update((ui) => {
    ui.busy.delete(busy);
    if (!reply.ok && !reply.errors) ui.trouble.set(view.id, reply.error || 'Something went wrong. Try again.');
  });
  if (reply.errors) showErrors(client, view, reply.errors);
}

function showErrors(client, view, errors) {
  client.update((ui) => ui.errors.set(view.id, errors));
  client.flush();
  const field = document.querySelector('.dialog [aria-invalid="true"]');
  field?.focus();
  field?.closest('.block')?.scrollIntoView({ block: 'nearest' }); // its error stands below it
}
