// Limits that Slack's reference pages state and the types package leaves out.
// Every entry names its reason, which becomes the $comment of the limit.

const reference = 'Slack reference: ';
const notEmpty = { minItems: 1, $comment: `${reference}the list has at least one item.` };
const group = {
  'items/properties/label': { properties: { text: { maxLength: 75, $comment: `${reference}an option group label has 75 characters.` } } },
  'items/properties/options': { minItems: 1, maxItems: 100, $comment: `${reference}an option group has 1 to 100 options.` },
};
const imageURL = { maxLength: 3000, $comment: `${reference}an image URL has 3000 characters.` };

const corrections = {
  'ActionsBlock/properties/elements': notEmpty,
  'ContextBlock/properties/elements': notEmpty,
  'SectionBlock/properties/fields': notEmpty,
  'Overflow/properties/options': notEmpty,
  'Checkboxes/properties/options': notEmpty,
  'RadioButtons/properties/options': notEmpty,
  'StaticSelect/properties/options': notEmpty,
  'MultiStaticSelect/properties/options': notEmpty,
  'StaticSelect/properties/option_groups': notEmpty,
  'MultiStaticSelect/properties/option_groups': notEmpty,
  ...under('StaticSelect/properties/option_groups', group),
  ...under('MultiStaticSelect/properties/option_groups', group),
  'ImageBlock/anyOf/0/properties/image_url': imageURL,
  'ImageElement/anyOf/0/properties/image_url': imageURL,
  'ModalView/properties/external_id': { maxLength: 255, $comment: `${reference}external_id has 255 characters.` },
  'HomeView/properties/external_id': { maxLength: 255, $comment: `${reference}external_id has 255 characters.` },
  'PlainTextInput/properties/min_length': { minimum: 0, $comment: `${reference}min_length is between 0 and 3000.` },
  'PlainTextInput/properties/max_length': { minimum: 1, maximum: 3000, $comment: `${reference}max_length is between 1 and 3000.` },
  'Datepicker/properties/initial_date': { pattern: '^\\d{4}-\\d{2}-\\d{2}$', $comment: `${reference}YYYY-MM-DD.` },
  'Timepicker/properties/initial_time': { pattern: '^([01]\\d|2[0-3]):[0-5]\\d$', $comment: `${reference}HH:mm.` },
  'DateTimepicker/properties/initial_date_time': { minimum: 1000000000, maximum: 9999999999, $comment: `${reference}a Unix timestamp of 10 digits.` },
  'DataTableBlock/properties/rows': { minItems: 2, maxItems: 101, $comment: `${reference}a data table has 2 to 101 rows.` },
  'DataTableBlock/properties/rows/items': { maxItems: 20, $comment: `${reference}a data table has 20 columns.` },
};

function under(path, entries) {
  return Object.fromEntries(Object.entries(entries).map(([key, value]) => [`${path}/${key}`, value]));
}

export function correct(defs) {
  for (const [path, limits] of Object.entries(corrections)) {
    const node = path.split('/').reduce((at, key) => at?.[key], defs);
    if (!node) throw new Error(`the types have no ${path} any more`);
    const $comment = [node.$comment, limits.$comment].filter(Boolean).join(' ') || undefined;
    Object.assign(node, limits, { $comment });
  }
  // Slack documents the offset of a list, and slack-go always sends it; the types leave it out.
  defs.RichTextList.properties.offset = { type: 'number' };
  // The types let a plan hold any object as a task; their union would hide every error in a real task card.
  defs.PlanBlock.properties.tasks.items = { $ref: '#/$defs/TaskCardBlock' };
}
