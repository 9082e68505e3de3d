// text.js: draws text objects. plain_text stays literal; mrkdwn is parsed.
import { h } from './dom.js';
import { withEmoji } from './emoji.js';
import * as inline from './inline.js';
import { parse } from './mrkdwn.js';

// plain gives the characters of a plain_text object (or of a mrkdwn one, as it
// is written), for names and labels.
export function plain(object) {
  const text = object?.text ?? '';
  return object?.type === 'plain_text' && object.emoji === true ? withEmoji(text) : text;
}

// textObject draws a text object of either type.
export function textObject(client, object) {
  if (!object) return [];
  if (object.type !== 'mrkdwn') return h('span', { class: 'plain' }, plain(object));
  return mrkdwn(client, object.text, { verbatim: object.verbatim });
}

// mrkdwn draws a mrkdwn string as paragraphs.
export function mrkdwn(client, source, options) {
  return parse(source ?? '', options).map(({ kind, content }) => {
    const children = nodes(client, content);
    if (kind === 'pre') return h('pre', { class: 'pre', tabindex: '0' }, children);
    if (kind === 'quote') return h('blockquote', { class: 'quote' }, children);
    return h('div', { class: 'line' }, children);
  });
}

const TAGS = { bold: 'strong', italic: 'em', strike: 's' };

function nodes(client, content) {
  return content.map((node) => {
    switch (node.kind) {
      case 'text': return node.text;
      case 'code': return h('code', { class: 'code' }, nodes(client, node.content));
      case 'link': return inline.link(node.url, node.text);
      case 'user': return inline.userMention(client, node.id, node.label);
      case 'channel': return inline.channelMention(client, node.id, node.label);
      case 'group': return inline.groupMention(client, node.id, node.label);
      case 'broadcast': return inline.broadcast(node.range);
      case 'date': return inline.date(client, node);
      case 'emoji': return inline.emoji(node.name, node.text);
      default: return h(TAGS[node.kind], null, nodes(client, node.content));
    }
  });
}
