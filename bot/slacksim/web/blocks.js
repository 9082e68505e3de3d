// blocks.js: draws Block Kit blocks. Every block carries data-block-id.
import { h } from './dom.js';
import { control } from './elements.js';
import { picture } from './picture.js';
import { richText } from './richtext.js';
import { table } from './table.js';
import { plain, textObject } from './text.js';

const LEVELS = { info: 'Note', warning: 'Warning', error: 'Error', success: 'Success' };

// blocks draws a list of blocks on a surface.
export function blocks(surface, list) {
  return h('div', { class: 'blocks' }, (list ?? []).map((block) =>
    h('div', { class: `block block-${block.type}`, 'data-block-id': block.block_id, key: `${block.type}-${block.block_id}` },
      draw(surface, block))));
}

function draw(surface, block) {
  const { client } = surface;
  switch (block.type) {
    case 'header': return h('h3', { class: 'header' }, plain(block.text));
    case 'divider': return h('hr');
    case 'section': return section(surface, block);
    case 'context': return h('div', { class: 'context' }, block.elements.map((element) => contextPart(client, element)));
    case 'actions': return h('div', { class: 'actions' }, block.elements.map((element) => control(surface, block, element)));
    case 'image': return image(block);
    case 'rich_text': return h('div', { class: 'rich' }, richText(client, block.elements));
    case 'markdown': return h('div', { class: 'plain' }, block.text);
    case 'table':
    case 'data_table': return table(surface, block);
    case 'alert': return alert(client, block);
    case 'input': return input(surface, block);
    default: return unknown(block.type);
  }
}

function section(surface, block) {
  const { client } = surface;
  return h('div', { class: 'section' },
    h('div', { class: 'section-main' },
      block.text && h('div', { class: 'text' }, textObject(client, block.text)),
      block.fields?.length > 0 && h('div', { class: 'fields' },
        block.fields.map((field) => h('div', { class: 'field' }, textObject(client, field))))),
    block.accessory && h('div', { class: `accessory accessory-${block.accessory.type}` }, control(surface, block, block.accessory)));
}

function contextPart(client, element) {
  if (element.type === 'image') return picture(element, 'context-image');
  return h('div', { class: 'context-text' }, textObject(client, element));
}

function image(block) {
  return h('figure', { class: 'figure' },
    block.title && h('figcaption', null, plain(block.title)),
    picture(block, 'image'));
}

function alert(client, block) {
  const word = LEVELS[block.level];
  return h('div', { class: `alert alert-${word ? block.level : 'default'}`, role: 'note' },
    word && h('strong', { class: 'alert-word' }, word), h('div', { class: 'text' }, textObject(client, block.text)));
}

const GROUPS = new Set(['checkboxes', 'radio_buttons']);

function input(surface, block) {
  const { element } = block;
  const id = surface.id(block, element);
  const error = surface.errors[block.block_id];
  const describedby = [block.hint && `${id}--hint`, error && `${id}--error`].filter(Boolean).join(' ') || null;
  const label = [plain(block.label), block.optional && h('span', { class: 'optional' }, ' (optional)')];
  const grouped = GROUPS.has(element.type);
  const field = { id, describedby, invalid: Boolean(error), required: !block.optional, label: plain(block.label) };
  const body = [
    grouped ? h('legend', { class: 'label' }, label) : h('label', { class: 'label', for: id }, label),
    control(surface, block, element, field),
    block.hint && h('p', { class: 'hint', id: `${id}--hint` }, plain(block.hint)),
    error && h('p', { class: 'error', id: `${id}--error`, role: 'alert' }, error),
  ];
  if (!grouped) return h('div', { class: 'input' }, body);
  return h('fieldset', { class: 'input', 'aria-describedby': describedby, ...surface.tags(block, element) }, body);
}

function unknown(type) {
  return h('p', { class: 'unknown' }, `This client cannot show a "${type}" block.`);
}
