// Turns the limits that Slack writes in doc comments into schema keywords, each
// with the sentence it came from as its $comment.

const number = '`?([\\d,]+)`?';
const items = '(?:items|elements|options|blocks|rows|cards)';

// Each rule reads one sentence. "characters" applies to a string, or to the
// text of a text object; "each" to the members of an array.
const rules = [
  { on: 'characters', set: 'maxLength', match: new RegExp(`max(?:imum)? length\\b.*? (?:is|of) ${number} characters`, 'i'), not: /each item/i },
  { on: 'characters', set: 'maxLength', match: new RegExp(`limit(?:ed to)? ${number} characters`, 'i') },
  { on: 'characters', set: 'maxLength', match: new RegExp(`less than ${number} characters`, 'i'), shift: -1 },
  { on: 'characters', set: 'minLength', match: new RegExp(`minimum length\\b.*? is ${number}`, 'i') },
  { on: 'each', set: 'maxLength', match: new RegExp(`text in each item is ${number} characters`, 'i') },
  { on: 'each', set: 'maxItems', match: new RegExp(`each row .*max of ${number} table cells`, 'i') },
  { on: 'array', set: 'maxItems', match: new RegExp(`max(?:imum)?(?: of)? ${number} ${items}`, 'i') },
  { on: 'array', set: 'maxItems', match: new RegExp(`maximum number of [a-z ]+ is ${number}`, 'i') },
  { on: 'array', set: 'maxItems', match: new RegExp(`up to ${number} `, 'i') },
  { on: 'array', set: 'minItems', match: new RegExp(`minimum ${number}, maximum \\d+ ${items}`, 'i') },
  { on: 'number', set: 'minimum', match: new RegExp(`(?:min(?:imum)?(?: of| number is)?|must be between) ${number}(?:,| and|\\.|$)`, 'i') },
  { on: 'number', set: 'maximum', match: new RegExp(`(?:max(?:imum)?(?: of| value is)?|must be between \\d+ and) ${number}(?:\\.|$)`, 'i') },
];

const sentences = (description) => description
  .replaceAll(/\{@link\s+(\S+)[^}]*\}/g, '$1')
  .replaceAll(/\s+/g, ' ')
  .split(/(?<=\.) /);

// The schema node that a limit belongs to, or nothing if the sentence is about something else.
function target(node, on) {
  const isText = node.$ref || node.anyOf;
  if (on === 'number') return node.type === 'number' ? node : undefined;
  if (on === 'array') return node.type === 'array' ? node : undefined;
  if (on === 'each') return node.type === 'array' ? node.items : undefined;
  if (node.type === 'string') return node;
  return isText ? textOf(node) : undefined;
}

function textOf(node) {
  node.properties ??= { text: {} };
  return node.properties.text;
}

function limit(node, sentence) {
  let count = 0;
  for (const rule of rules) {
    const found = rule.not?.test(sentence) ? null : sentence.match(rule.match);
    let place = found && target(node, rule.on);
    if (!place) continue;
    if (rule.on === 'each' && rule.set === 'maxLength') place = textOf(place);
    place[rule.set] = Number(found[1].replaceAll(',', '')) + (rule.shift ?? 0);
    place.$comment = [place.$comment, sentence].filter((part, i, all) => part && all.indexOf(part) === i).join(' ');
    count += 1;
  }
  return count;
}

/** Lifts every limit, drops the descriptions, and answers how many limits there were. */
export function lift(node) {
  if (node === null || typeof node !== 'object') return 0;
  let count = 0;
  for (const child of Object.values(node)) count += lift(child);
  if (typeof node.description === 'string') {
    for (const sentence of sentences(node.description)) count += limit(node, sentence);
    delete node.description;
  }
  return count;
}
