// picture.js: draws image elements and image blocks.
import { h } from './dom.js';

// picture loads only web and inline pictures; anything else shows its words.
export function picture(element, className) {
  const url = element.image_url ?? element.slack_file?.url ?? '';
  const src = /^(https:\/\/|\/|data:image\/)/i.test(url) ? url : null;
  return h('img', { class: className, src, alt: element.alt_text ?? '' });
}
