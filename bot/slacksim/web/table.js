// table.js: draws table and data_table blocks; the first row is the header.
import { h } from './dom.js';
import { control } from './elements.js';
import { richText } from './richtext.js';

export function table(surface, block) {
  const [head, ...body] = block.rows ?? [];
  const name = block.caption || 'Table';
  return h('div', { class: 'table-scroll', role: 'region', tabindex: '0', 'aria-label': name },
    h('table', { class: 'table' },
      block.caption && h('caption', null, block.caption),
      head && h('thead', null, h('tr', null, head.map((cell, column) =>
        h('th', { scope: 'col', class: look(block, column) }, content(surface, block, cell))))),
      h('tbody', null, body.map((row) => h('tr', null, row.map((cell, column) =>
        h('td', { class: look(block, column) }, content(surface, block, cell))))))));
}

function look(block, column) {
  const settings = block.column_settings?.[column];
  return `align-${settings?.align ?? 'left'}${settings?.is_wrapped === false ? ' nowrap' : ''}`;
}

function content(surface, block, cell) {
  switch (cell?.type) {
    case undefined: return null;
    case 'rich_text': return richText(surface.client, cell.elements);
    case 'raw_number': return cell.text || String(cell.value);
    case 'action_cell': return control(surface, block, cell.element);
    default: return cell.text;
  }
}
