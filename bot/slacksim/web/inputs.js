// inputs.js: text, number, e-mail, URL, date and time inputs.
import { h } from './dom.js';
import { plain } from './text.js';

const KINDS = {
  plain_text_input: { type: 'text', field: 'value' },
  number_input: { type: 'number', field: 'value' },
  email_text_input: { type: 'email', field: 'value' },
  url_text_input: { type: 'url', field: 'value' },
  datepicker: { type: 'date', field: 'selected_date' },
  timepicker: { type: 'time', field: 'selected_time' },
};
const TYPING_PAUSE = 300;

// textInput draws one native input. Its value lives in the surface, so a redraw
// never takes away what was typed.
export function textInput(surface, block, element, field) {
  const kind = KINDS[element.type];
  const value = surface.read(block, element)[kind.field] ?? '';
  const tag = element.multiline ? 'textarea' : 'input';
  const shape = element.multiline ? { rows: '4' } : { type: kind.type };
  return [
    h(tag, {
      ...shape, ...numeric(element), id: field.id, class: `text-input text-input-${kind.type}`, value, autocomplete: 'off',
      placeholder: plain(element.placeholder) || null, 'aria-label': field.bare ? field.label : null,
      'aria-describedby': field.describedby, 'aria-invalid': field.invalid ? true : null,
      'aria-required': field.required ? true : null, 'data-autofocus': element.focus_on_load ? true : null,
      ...surface.tags(block, element),
      on: {
        input: (event) => type(surface, block, element, kind, event.target.value),
        keydown: (event) => enter(surface, block, element, event),
        keypress: (event) => dispatches(block, element) && event.key === 'Enter' && event.preventDefault(),
      },
    }),
    counter(element, value),
  ];
}

function numeric(element) {
  if (element.type !== 'number_input') return {};
  return { step: element.is_decimal_allowed ? 'any' : '1', min: element.min_value, max: element.max_value, inputmode: 'decimal' };
}

// counter says how much room is left when it gets tight.
function counter(element, value) {
  const most = element.max_length ?? Infinity;
  const left = most - [...value].length;
  if (left > Math.min(40, most / 4)) return null;
  return h('p', { class: `counter${left < 0 ? ' counter-over' : ''}`, role: 'status' },
    left < 0 ? `${-left} characters too many` : `${left} characters left`);
}

function type(surface, block, element, kind, text) {
  const dated = kind.field !== 'value';
  surface.change(block, element, { [kind.field]: text === '' ? null : text }, { tell: dated && text !== '' });
  if (dated || !triggers(element).includes('on_character_entered')) return;
  const local = surface.client.local(surface.id(block, element), () => ({}));
  clearTimeout(local.timer);
  local.timer = setTimeout(() => surface.tell(block, element), TYPING_PAUSE);
}

function triggers(element) {
  return element.dispatch_action_config?.trigger_actions_on ?? ['on_enter_pressed'];
}

// dispatches says whether Enter belongs to the app rather than to the form.
function dispatches(block, element) {
  return !element.multiline && (block.type !== 'input' || block.dispatch_action);
}

// enter tells the app on Enter, where the block dispatches, instead of sending
// the whole form.
function enter(surface, block, element, event) {
  if (event.key !== 'Enter' || event.isComposing || !dispatches(block, element)) return;
  event.preventDefault();
  if (triggers(element).includes('on_enter_pressed')) surface.tell(block, element);
}
