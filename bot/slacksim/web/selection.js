// selection.js: the many kinds of selects reduced to one: which options they
// offer, which are chosen, and how a choice is written.
import { plain } from './text.js';

// shapeOf says how a select's value is stored and where its options come from.
export function shapeOf(type) {
  const many = type.startsWith('multi_');
  const source = type.replace(/^multi_/, '').replace(/_select$/, '');
  const noun = { users: 'user', channels: 'channel', conversations: 'conversation' }[source];
  return { many, source, ids: Boolean(noun), field: `selected_${noun ?? 'option'}${many ? 's' : ''}` };
}

// chosen lists the chosen options.
export function chosen(client, shape, entry) {
  const value = entry[shape.field];
  const list = shape.many ? value ?? [] : [value].filter(Boolean);
  return shape.ids ? list.map((id) => optionOf(client, shape, id)) : list;
}

// fieldsOf writes a choice the way the element's value stores it.
export function fieldsOf(shape, options) {
  const list = shape.ids ? options.map((option) => option.value) : options;
  return { [shape.field]: shape.many ? list : list[0] ?? null };
}

// offered lists what a select without a server-side source offers, as groups.
export function offered(client, shape, element) {
  if (!shape.ids) return grouped(element);
  const { users, channels } = client.state;
  const ids = shape.source === 'users'
    ? users.filter((user) => !user.deleted).map((user) => user.id)
    : channels.filter((channel) => shape.source === 'conversations' || channel.kind === 'channel').map((channel) => channel.id);
  return [{ label: '', options: ids.map((id) => optionOf(client, shape, id)) }];
}

// grouped reads options or option_groups of an element or an answer.
export function grouped({ options, option_groups: groups }) {
  if (groups) return groups.map((group) => ({ label: plain(group.label), options: group.options ?? [] }));
  return [{ label: '', options: options ?? [] }];
}

// matching keeps the options whose words contain the query.
export function matching(groups, query) {
  const wanted = query.trim().toLowerCase();
  if (!wanted) return groups;
  return groups.map((group) => ({ ...group, options: group.options.filter((option) =>
    `${plain(option.text)} ${plain(option.description)}`.toLowerCase().includes(wanted)) }));
}

function optionOf(client, shape, id) {
  if (shape.source === 'users') {
    const user = client.user(id);
    return literal(id, user?.real_name || user?.name || id, user?.title);
  }
  const channel = client.channel(id);
  return literal(id, channel ? client.channelName(channel) : id);
}

function literal(value, text, description) {
  const option = { value, text: { type: 'plain_text', text } };
  if (description) option.description = { type: 'plain_text', text: description };
  return option;
}
