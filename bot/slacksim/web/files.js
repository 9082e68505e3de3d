// files.js: draws the files of a message: name, size, a link that downloads, and
// the first rows of a table.
import { h } from './dom.js';
import { icon } from './icons.js';

// files lists what a message carries.
export function files(item) {
  if (!item.files?.length) return null;
  return h('ul', { class: 'files', role: 'list', 'aria-label': 'Files' }, item.files.map((file) => h('li', { key: file.id, 'data-file': file.id },
    h('a', { class: 'file', href: file.url, download: file.name }, icon('file'),
      h('span', { class: 'file-text' }, h('span', { class: 'file-title' }, file.title || file.name), ' ',
        h('span', { class: 'quiet' }, about(file)))),
    file.preview?.length > 0 && preview(file))));
}

function about(file) {
  const size = file.size < 1000 ? `${file.size} ${file.size === 1 ? 'byte' : 'bytes'}` : `${(file.size / 1000).toFixed(1)} kB`;
  return file.title && file.title !== file.name ? `${file.name}, ${size}` : size;
}

// preview takes the first row for the header, as exports have one.
function preview(file) {
  const [head, ...body] = file.preview;
  return h('div', { class: 'table-scroll file-preview', role: 'region', tabindex: '0', 'aria-label': `Start of ${file.name}` },
    h('table', { class: 'table' },
      h('thead', null, h('tr', null, head.map((cell) => h('th', { scope: 'col' }, cell)))),
      h('tbody', null, body.map((row) => h('tr', null, row.map((cell) => h('td', null, cell)))))));
}
