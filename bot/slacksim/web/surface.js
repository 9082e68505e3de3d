// surface.js: one place where blocks live (a message or a view): what was
// entered there, what is on its way, and how its actions are posted.

export class Surface {
  constructor(client, container, { errors = {} } = {}) {
    this.client = client;
    this.container = container;
    this.key = surfaceKey(container);
    this.errors = errors;
  }

  // id makes a DOM id for one part of an element.
  id(block, element, part = '') {
    return [this.key, block.block_id, element?.action_id, part].filter(Boolean).join('--')
      .replace(/[^A-Za-z0-9_-]/g, (c) => `_${c.codePointAt(0).toString(16)}_`);
  }

  // tags are the attributes tests and people's own scripts find a control by.
  tags(block, element) {
    return { 'data-block-id': block.block_id, 'data-action-id': element.action_id };
  }

  read(block, element) {
    return this.client.values.read(this.key, block, element);
  }

  // change stores a value, takes back the error it answers and, where the block
  // asks for it, tells the app.
  change(block, element, fields, { tell = true } = {}) {
    this.client.values.write(this.key, block, element, fields);
    if (this.container.type === 'view') this.client.clearError(this.container.view_id, block.block_id);
    this.client.draw();
    if (tell) this.tell(block, element);
  }

  // tell posts the element's present value, unless it sits in an input block
  // without dispatch_action.
  tell(block, element) {
    if (block.type === 'input' && !block.dispatch_action) return;
    const { type, ...fields } = this.read(block, element);
    this.dispatch(block, element, { type, ...fields });
  }

  // dispatch posts a block_action. A second press while one is on its way is
  // dropped.
  async dispatch(block, element, action) {
    const busy = this.busyKey(block, element, action);
    if (this.client.ui.busy.has(busy)) return;
    this.client.update((ui) => ui.busy.add(busy));
    await this.client.act({
      type: 'block_action',
      container: this.container,
      block_id: block.block_id,
      action_id: element.action_id,
      action: { type: element.type, ...action },
      values: this.client.values.of(this.key),
    });
    this.client.update((ui) => ui.busy.delete(busy));
  }

  busyKey(block, element, action = {}) {
    return JSON.stringify([this.key, block.block_id, element.action_id, action]);
  }

  isBusy(block, element, action) {
    return this.client.ui.busy.has(this.busyKey(block, element, action));
  }
}

// surfaceKey names a container among all that the persona sees.
export function surfaceKey(container) {
  return container.type === 'view' ? `view-${container.view_id}` : `message-${container.channel}-${container.ts}`;
}
