// elements.js: draws interactive elements, by type: buttons and overflow menus
// here, everything a person fills in elsewhere.
import { choices } from './choices.js';
import { h } from './dom.js';
import { textInput } from './inputs.js';
import { icon } from './icons.js';
import { menu } from './menu.js';
import { safeURL } from './mrkdwn.js';
import { picture } from './picture.js';
import { select } from './select.js';
import { plain } from './text.js';

// control draws one element. `field` says how its input block labels it; an
// element outside an input block names itself.
export function control(surface, block, element, field) {
  const own = field ?? { id: surface.id(block, element), label: nameOf(block, element), bare: true };
  switch (element.type) {
    case 'button': return button(surface, block, element);
    case 'overflow': return overflow(surface, block, element);
    case 'image': return picture(element, 'thumbnail');
    case 'plain_text_input':
    case 'number_input':
    case 'email_text_input':
    case 'url_text_input':
    case 'datepicker':
    case 'timepicker': return textInput(surface, block, element, own);
    case 'checkboxes':
    case 'radio_buttons': return choices(surface, block, element, own);
    default:
      if (/(static|external|users|channels|conversations)_select$/.test(element.type)) return select(surface, block, element, own);
      return h('p', { class: 'unknown' }, `This client cannot show a "${element.type}" element.`);
  }
}

function nameOf(block, element) {
  return element.accessibility_label || plain(element.placeholder) || plain(block.text) || 'Choose';
}

function button(surface, block, element) {
  const action = { value: element.value };
  const busy = surface.isBusy(block, element, action);
  const style = element.style === 'primary' || element.style === 'danger' ? ` button-${element.style}` : '';
  const leaves = safeURL(element.url);
  return h('button', {
    type: 'button', class: `button${style}`, key: `button-${element.action_id}`, ...surface.tags(block, element),
    'aria-label': element.accessibility_label || null, 'aria-busy': busy ? true : null,
    title: leaves ? 'Opens in a new tab' : null,
    on: { click: () => press(surface, block, element, action) },
  }, busy && h('span', { class: 'spinner', 'aria-hidden': true }), plain(element.text), leaves && icon('external'));
}

async function press(surface, block, element, action) {
  if (element.confirm && !(await surface.client.confirm(element.confirm))) return;
  if (safeURL(element.url)) window.open(element.url, '_blank', 'noopener,noreferrer');
  surface.dispatch(block, element, action);
}

function overflow(surface, block, element) {
  const items = element.options.map((option) => ({
    label: plain(option.text),
    detail: plain(option.description),
    data: { 'data-value': option.value },
    run: () => pick(surface, block, element, option),
  }));
  const busy = element.options.some((option) => surface.isBusy(block, element, { selected_option: option }));
  return menu(surface.client, {
    id: surface.id(block, element), label: element.accessibility_label || 'More actions', className: 'button button-square',
    content: icon('more'), items, busy, data: surface.tags(block, element),
  });
}

async function pick(surface, block, element, option) {
  if (element.confirm && !(await surface.client.confirm(element.confirm))) return;
  if (safeURL(option.url)) window.open(option.url, '_blank', 'noopener,noreferrer');
  surface.dispatch(block, element, { selected_option: option });
}
