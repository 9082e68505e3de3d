// Rewrites "any of these objects" into "look at type, then be exactly that one",
// so that a validator points at the wrong value and not at the whole union.

const refName = (node) => node.$ref?.replace('#/$defs/', '');

// The leaves of a union as [type constant, schema], or null if a member has no type constant.
function leaves(defs, members) {
  const found = [];
  for (const member of members) {
    const resolved = member.$ref ? defs[refName(member)] : member;
    const constant = resolved.properties?.type?.const;
    if (constant !== undefined) {
      found.push([constant, member]);
      continue;
    }
    if (!resolved.anyOf) return null;
    const constants = new Set(leaves(defs, resolved.anyOf)?.map(([value]) => value));
    if (constants.size === 0) return null;
    if (constants.size === 1) found.push([[...constants][0], member]);
    else found.push(...leaves(defs, resolved.anyOf));
  }
  return found;
}

function dispatched(node, found) {
  const { anyOf, properties, ...rest } = node;
  return {
    ...rest,
    type: 'object',
    properties: { ...properties, type: { enum: found.map(([constant]) => constant) } },
    required: ['type'],
    allOf: found.map(([constant, member]) => ({
      if: { properties: { type: { const: constant } }, required: ['type'] },
      then: member,
    })),
  };
}

function plan(defs, node, changes) {
  if (node === null || typeof node !== 'object') return;
  for (const child of Object.values(node)) plan(defs, child, changes);
  if (!Array.isArray(node.anyOf)) return;
  const found = leaves(defs, node.anyOf);
  if (found && new Set(found.map(([constant]) => constant)).size === found.length) changes.push([node, dispatched(node, found)]);
}

function reachable(defs, roots) {
  const seen = new Set();
  const queue = [...roots];
  while (queue.length > 0) {
    const name = queue.pop();
    if (seen.has(name)) continue;
    seen.add(name);
    for (const [, next] of JSON.stringify(defs[name]).matchAll(/"#\/\$defs\/([^"]+)"/g)) queue.push(next);
  }
  return seen;
}

/** Rewrites every union that type tells apart, then drops the definitions nothing uses any more. */
export function dispatch(defs, roots) {
  const changes = [];
  plan(defs, defs, changes);
  for (const [node, replacement] of changes) {
    for (const key of Object.keys(node)) delete node[key];
    Object.assign(node, replacement);
  }
  const used = reachable(defs, roots);
  for (const name of Object.keys(defs)) if (!used.has(name)) delete defs[name];
}
