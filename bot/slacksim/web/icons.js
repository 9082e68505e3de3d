// icons.js: line icons drawn for this client. They are decoration: the control
// around an icon always carries its name.
import { h } from './dom.js';

const PATHS = {
  bolt: 'M11 2 4 11.5h5L8.5 18 16 8.5h-5z',
  check: 'M4 10.5 8.2 15 16 5.5',
  chevron: 'M5 7.5 10 12.5 15 7.5',
  close: 'M5 5 15 15M15 5 5 15',
  back: 'M12 4.5 6.5 10 12 15.5',
  external: 'M11 4h5v5M16 4 9 11M13.5 11.5V16H4V6.5h4.5',
  eye: 'M2 10s3-5.5 8-5.5S18 10 18 10s-3 5.5-8 5.5S2 10 2 10zM10 7.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4z',
  file: 'M5 2.5h6.5L15 6v11.5H5zM11.5 2.5V6H15',
  home: 'M3 9.5 10 3.5l7 6M5 8.5V16.5h10V8.5M8.5 16.5v-4.5h3v4.5',
  lines: 'M3 5.5h14M3 10h14M3 14.5h14',
  more: 'M4.5 10h.01M10 10h.01M15.5 10h.01',
  person: 'M10 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM4 16.5c.6-3 3-4.5 6-4.5s5.4 1.5 6 4.5',
  reply: 'M4 4.5h12v8.5h-6.5L6 16v-3H4z',
  shared: 'M12.5 10a4.5 4.5 0 1 1-9 0 4.5 4.5 0 0 1 9 0zM16.5 10a4.5 4.5 0 1 1-9 0 4.5 4.5 0 0 1 9 0z',
  send: 'M3.5 10 16.5 4 12 16.5 9.5 11z',
};

export function icon(name) {
  return h('svg', { class: `icon icon-${name}`, viewBox: '0 0 20 20', 'aria-hidden': true, focusable: 'false' },
    h('path', { d: PATHS[name] }));
}
