// mrkdwn.js: reads Slack's mrkdwn into a tree of plain objects. It knows nothing
// of the page. Whatever is not markup stays the text it was.
//
// A paragraph is {kind: 'text' | 'quote' | 'pre', content: [node]}; a node is
// {kind: 'text' | 'code' | 'bold' | 'italic' | 'strike' | 'link' | 'emoji' |
// 'user' | 'channel' | 'group' | 'broadcast' | 'date', ...}.
import { emojiOf } from './emoji.js';

const MARKS = { '*': 'bold', _: 'italic', '~': 'strike' };
const WORD = /[\p{L}\p{N}]/u;
const SHORTCODE = /:([a-z0-9_+-]+):/y;
const BARE_URL = /https?:\/\/[^\s<>|]+/y;
const TRAILING = /[.,;:!?)\]*_~'"`]+$/;

// decode turns Slack's three escapes back into characters.
export function decode(text) {
  return text.replace(/&(amp|lt|gt);/g, (_, name) => ({ amp: '&', lt: '<', gt: '>' })[name]);
}

// safeURL says whether a link may be followed.
export function safeURL(url) {
  return /^(https?:\/\/|mailto:|tel:)/i.test(url ?? '');
}

// parse reads one mrkdwn text. `verbatim` leaves bare URLs unlinked.
export function parse(source, { verbatim = false } = {}) {
  const paragraphs = [];
  let at = 0;
  while (at < source.length) {
    const open = source.indexOf('```', at);
    const close = open < 0 ? -1 : source.indexOf('```', open + 3);
    if (close < 0) break;
    paragraphs.push(...lines(source.slice(at, open).replace(/\n$/, ''), verbatim));
    const body = source.slice(open + 3, close).replace(/^\n/, '').replace(/\n$/, '');
    paragraphs.push({ kind: 'pre', content: scan(body, { plain: true }) });
    at = close + 3;
    if (source[at] === '\n') at += 1;
  }
  paragraphs.push(...lines(source.slice(at), verbatim));
  return paragraphs;
}

// lines groups consecutive quoted and unquoted lines.
function lines(text, verbatim) {
  const groups = [];
  let quoteRest = false;
  if (text === '') return groups;
  for (const line of text.split('\n')) {
    const quoted = !quoteRest && /^(?:(&gt;&gt;&gt;|>>>)|&gt;|>)\s?/.exec(line);
    if (quoted && quoted[1]) quoteRest = true;
    const kind = quoted || quoteRest ? 'quote' : 'text';
    const rest = quoted ? line.slice(quoted[0].length) : line;
    const last = groups.at(-1);
    if (last?.kind === kind) last.text += `\n${rest}`;
    else groups.push({ kind, text: rest });
  }
  return groups.map((group) => ({ kind: group.kind, content: scan(group.text, { verbatim }) }));
}

// scan reads inline markup. `inside` holds the marks that are already open;
// `plain` (in code) reads only <control sequences>.
function scan(text, { inside = '', plain = false, verbatim = false } = {}) {
  const nodes = [];
  const hopeless = {}; // mark -> no closer exists before this position
  let literal = '';
  let at = 0;
  const push = (node, next) => {
    if (literal) nodes.push({ kind: 'text', text: decode(literal) });
    literal = '';
    nodes.push(node);
    at = next;
  };
  while (at < text.length) {
    const c = text[at];
    if (c === '<') {
      const end = text.indexOf('>', at);
      const node = end < 0 ? undefined : control(text.slice(at + 1, end));
      if (node) {
        push(node, end + 1);
        continue;
      }
    } else if (plain) {
      // nothing else counts in code
    } else if (c === '`') {
      const end = codeEnd(text, at);
      if (end > 0) {
        push({ kind: 'code', content: scan(text.slice(at + 1, end), { plain: true }) }, end + 1);
        continue;
      }
    } else if (c === ':') {
      SHORTCODE.lastIndex = at;
      const name = SHORTCODE.exec(text)?.[1];
      if (name && emojiOf(name)) {
        push({ kind: 'emoji', name, text: emojiOf(name) }, SHORTCODE.lastIndex);
        continue;
      }
    } else if (c === 'h' && !verbatim && !(at > 0 && WORD.test(text[at - 1]))) {
      BARE_URL.lastIndex = at;
      const found = BARE_URL.exec(text)?.[0].replace(TRAILING, '');
      if (found && found.length > 'https://'.length) {
        push({ kind: 'link', url: decode(found), text: decode(found) }, at + found.length);
        continue;
      }
    } else if (MARKS[c] && !inside.includes(c) && opens(text, at) && !(hopeless[c] > at)) {
      const end = closes(text, at);
      if (end > 0) {
        push({ kind: MARKS[c], content: scan(text.slice(at + 1, end), { inside: inside + c, verbatim }) }, end + 1);
        continue;
      }
      hopeless[c] = lineEnd(text, at);
    }
    literal += c;
    at += 1;
  }
  if (literal) nodes.push({ kind: 'text', text: decode(literal) });
  return nodes;
}

function lineEnd(text, at) {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function codeEnd(text, at) {
  const end = text.indexOf('`', at + 1);
  return end > at + 1 && end < lineEnd(text, at) ? end : -1;
}

function opens(text, at) {
  const next = text[at + 1];
  return !(at > 0 && WORD.test(text[at - 1])) && next !== undefined && !/\s/.test(next) && next !== text[at];
}

// closes finds the mark that ends what starts at `at`, on the same line and
// outside links and code.
function closes(text, at) {
  const mark = text[at];
  const end = lineEnd(text, at);
  for (let i = at + 1; i < end; i += 1) {
    const c = text[i];
    if (c === '<' || c === '`') {
      const skip = text.indexOf(c === '<' ? '>' : '`', i + 1);
      if (skip > 0 && skip < end) i = skip;
    } else if (c === mark && i > at + 1 && !/\s/.test(text[i - 1]) && !(text[i + 1] && WORD.test(text[i + 1]))) {
      return i;
    }
  }
  return -1;
}

// control reads what stands between < and >, or says nothing when it is no
// control sequence of Slack's.
function control(body) {
  const bar = body.indexOf('|');
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? '' : decode(body.slice(bar + 1));
  let found;
  if ((found = /^@([UWB][A-Z0-9]+)$/.exec(target))) return { kind: 'user', id: found[1], label };
  if ((found = /^#([CGD][A-Z0-9]+)$/.exec(target))) return { kind: 'channel', id: found[1], label };
  if ((found = /^!subteam\^(S[A-Z0-9]+)$/.exec(target))) return { kind: 'group', id: found[1], label };
  if ((found = /^!(channel|here|everyone)$/.exec(target))) return { kind: 'broadcast', range: found[1] };
  if ((found = /^!date\^(-?\d{1,12})\^([^^]*)(?:\^(.*))?$/.exec(target))) {
    return { kind: 'date', unix: Number(found[1]), format: decode(found[2]), url: decode(found[3] ?? ''), fallback: label };
  }
  if (safeURL(target)) return { kind: 'link', url: decode(target), text: label || decode(target).replace(/^mailto:/i, '') };
  return undefined;
}
