// typed.js: what a person types, written the way Slack stores it: special
// characters escaped, @names and #channels as references.

// asMrkdwn turns typed text into mrkdwn that shows just what was typed.
export function asMrkdwn(client, text) {
  const escaped = text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);
  return escaped.replace(/(^|[\s(])([@#])([\p{L}\p{N}][\p{L}\p{N}._-]*)/gu, (whole, before, sign, name) => {
    const reference = sign === '@' ? personOrGroup(client, name) : channel(client, name);
    return reference ? before + reference : whole;
  });
}

function personOrGroup(client, name) {
  const wanted = name.toLowerCase();
  const user = client.state.users.find((candidate) => candidate.name.toLowerCase() === wanted);
  if (user) return `<@${user.id}>`;
  const group = client.state.groups?.find((candidate) => candidate.handle.toLowerCase() === wanted);
  return group && `<!subteam^${group.id}|@${group.handle}>`;
}

function channel(client, name) {
  const found = client.state.channels.find((candidate) => candidate.kind === 'channel' && candidate.name === name);
  return found && `<#${found.id}|${found.name}>`;
}
