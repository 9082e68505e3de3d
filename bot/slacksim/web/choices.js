// choices.js: checkboxes and radio buttons.
import { h } from './dom.js';
import { textObject } from './text.js';

// choices draws the options. Inside an input block the surrounding fieldset and
// legend name them; elsewhere they form a named group of their own.
export function choices(surface, block, element, field) {
  const entry = surface.read(block, element);
  const many = element.type === 'checkboxes';
  const chosen = many ? entry.selected_options : [entry.selected_option].filter(Boolean);
  const own = field.bare
    ? { role: many ? 'group' : 'radiogroup', 'aria-label': field.label, ...surface.tags(block, element) }
    : {};
  return h('div', { class: 'choices', ...own },
    element.options.map((option, index) => {
      const id = `${field.id}--${index}`;
      const on = chosen.some((other) => other.value === option.value);
      return h('div', { class: 'choice', key: option.value },
        h('input', {
          id, type: many ? 'checkbox' : 'radio', name: field.id, checked: on, 'data-value': option.value,
          'aria-describedby': option.description ? `${id}--about` : null, 'aria-invalid': field.invalid ? true : null,
          on: { change: (event) => choose(surface, block, element, many, option, event) },
        }),
        h('div', { class: 'choice-text' },
          h('label', { for: id }, textObject(surface.client, option.text)),
          option.description && h('div', { class: 'choice-about', id: `${id}--about` }, textObject(surface.client, option.description))));
    }));
}

async function choose(surface, block, element, many, option, event) {
  const wanted = event.target.checked;
  const input = event.target;
  if (element.confirm && !(await surface.client.confirm(element.confirm))) {
    input.checked = !wanted;
    surface.client.draw();
    return;
  }
  if (!many) {
    surface.change(block, element, { selected_option: option });
    return;
  }
  const rest = surface.read(block, element).selected_options.filter((other) => other.value !== option.value);
  const next = wanted ? [...rest, option] : rest;
  const order = element.options.map((candidate) => candidate.value);
  next.sort((a, b) => order.indexOf(a.value) - order.indexOf(b.value));
  surface.change(block, element, { selected_options: next });
}

