// richtext.js: draws rich_text blocks: sections, lists, quotes and code, and the
// styled pieces inside them.
import { h } from './dom.js';
import { emojiOf } from './emoji.js';
import * as inline from './inline.js';

// richText draws the elements of a rich_text block or table cell. Lists that
// follow each other with a growing indent become one nested list.
export function richText(client, elements) {
  return (elements ?? []).map((element) => {
    switch (element.type) {
      case 'rich_text_section': return h('div', { class: 'line' }, pieces(client, element.elements));
      case 'rich_text_quote': return h('blockquote', { class: 'quote' }, pieces(client, element.elements));
      case 'rich_text_preformatted': return h('pre', { class: 'pre', tabindex: '0' }, pieces(client, element.elements));
      case 'rich_text_list': return list(client, element);
      default: return h('p', { class: 'unknown' }, `This client cannot show "${element.type}".`);
    }
  });
}

function list(client, element) {
  const ordered = element.style === 'ordered';
  const depth = Math.min(element.indent ?? 0, 8);
  const props = { class: `list indent-${depth}${element.border ? ' bordered' : ''}` };
  if (ordered && element.offset) props.start = element.offset + 1;
  return h(ordered ? 'ol' : 'ul', props, element.elements.map((item) => h('li', null, pieces(client, item.elements))));
}

function pieces(client, elements) {
  return (elements ?? []).map((element) => styled(piece(client, element), element.style));
}

function piece(client, element) {
  switch (element.type) {
    case 'text': return element.text;
    case 'link': return inline.link(element.url, element.text);
    case 'user': return inline.userMention(client, element.user_id);
    case 'channel': return inline.channelMention(client, element.channel_id);
    case 'usergroup': return inline.groupMention(client, element.usergroup_id);
    case 'broadcast': return inline.broadcast(element.range);
    case 'emoji': return inline.emoji(element.name, emojiOf(element.name) ?? fromCodePoints(element.unicode) ?? `:${element.name}:`);
    case 'date':
      return inline.date(client, { unix: element.timestamp, format: element.format, url: element.url, fallback: element.fallback ?? '' });
    case 'color':
      return [h('span', { class: 'swatch', 'aria-hidden': true, style: { background: element.value } }), element.value];
    default: return h('span', { class: 'unknown' }, `[${element.type}]`);
  }
}

function fromCodePoints(unicode) {
  if (!/^[0-9a-f]{2,6}(-[0-9a-f]{2,6})*$/i.test(unicode ?? '')) return undefined;
  const points = unicode.split('-').map((hex) => Number.parseInt(hex, 16));
  return points.every((point) => point <= 0x10ffff) ? String.fromCodePoint(...points) : undefined;
}

const STYLES = [['code', 'code'], ['bold', 'strong'], ['italic', 'em'], ['strike', 's'], ['underline', 'u']];

function styled(content, style) {
  if (!style) return content;
  return STYLES.reduce((inner, [name, tag]) => (style[name] ? h(tag, tag === 'code' ? { class: 'code' } : null, inner) : inner), content);
}
