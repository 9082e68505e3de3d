// values.js: what the person entered in blocks, per surface (a view or a
// message), in the shape of Slack's state.values. A value survives an update of
// its surface as long as block_id, action_id and element type stay the same.

const EMPTY = {
  plain_text_input: () => ({ value: null }),
  number_input: () => ({ value: null }),
  email_text_input: () => ({ value: null }),
  url_text_input: () => ({ value: null }),
  static_select: () => ({ selected_option: null }),
  external_select: () => ({ selected_option: null }),
  radio_buttons: () => ({ selected_option: null }),
  multi_static_select: () => ({ selected_options: [] }),
  multi_external_select: () => ({ selected_options: [] }),
  checkboxes: () => ({ selected_options: [] }),
  users_select: () => ({ selected_user: null }),
  multi_users_select: () => ({ selected_users: [] }),
  channels_select: () => ({ selected_channel: null }),
  multi_channels_select: () => ({ selected_channels: [] }),
  conversations_select: () => ({ selected_conversation: null }),
  multi_conversations_select: () => ({ selected_conversations: [] }),
  datepicker: () => ({ selected_date: null }),
  timepicker: () => ({ selected_time: null }),
};

// stateful lists the elements of blocks that hold a value, in reading order.
export function* stateful(blocks) {
  for (const block of blocks ?? []) {
    const elements = block.type === 'input' ? [block.element]
      : block.type === 'section' ? [block.accessory]
      : block.type === 'actions' ? block.elements : [];
    for (const element of elements ?? []) {
      if (element && EMPTY[element.type]) yield { block, element };
    }
  }
}

// initial reads the element's initial_* fields into the shape of its value.
function initial(element) {
  const entry = { type: element.type, ...EMPTY[element.type]() };
  for (const field of Object.keys(entry)) {
    if (field === 'type') continue;
    const given = element[field.replace(/^selected_/, 'initial_').replace(/^value$/, 'initial_value')];
    if (given !== undefined && given !== null) entry[field] = given;
  }
  return entry;
}

export class Values {
  #surfaces = new Map();

  // sync makes the surface hold exactly the values its blocks can have: known
  // ones are kept, new ones start from the server's value or the initial one.
  sync(surface, blocks, given = {}) {
    const before = this.#surfaces.get(surface) ?? {};
    const after = {};
    for (const { block, element } of stateful(blocks)) {
      const id = element.action_id ?? '';
      const candidates = [before[block.block_id]?.[id], given?.[block.block_id]?.[id]];
      const kept = candidates.find((entry) => entry?.type === element.type);
      (after[block.block_id] ??= {})[id] = kept ?? initial(element);
    }
    this.#surfaces.set(surface, after);
    return after;
  }

  read(surface, block, element) {
    return this.#surfaces.get(surface)?.[block.block_id]?.[element.action_id ?? ''] ?? initial(element);
  }

  write(surface, block, element, fields) {
    const entry = { ...this.read(surface, block, element), ...fields };
    const values = this.#surfaces.get(surface) ?? {};
    (values[block.block_id] ??= {})[element.action_id ?? ''] = entry;
    this.#surfaces.set(surface, values);
    return entry;
  }

  // of gives state.values as it is posted.
  of(surface) {
    return this.#surfaces.get(surface) ?? {};
  }

  // keepOnly forgets the surfaces that are gone.
  keepOnly(surfaces) {
    for (const key of this.#surfaces.keys()) if (!surfaces.has(key)) this.#surfaces.delete(key);
  }
}
