// validate.js: what a view can check before it is sent. The server checks the
// same again; this only saves the person a wait.

const REQUIRED = 'Please complete this required field.';

// validate answers with {block_id: sentence} for every input that is not in order.
export function validate(blocks, values) {
  const errors = {};
  for (const block of blocks ?? []) {
    if (block.type !== 'input') continue;
    const entry = values[block.block_id]?.[block.element.action_id ?? ''];
    const problem = entry && check(block, entry);
    if (problem) errors[block.block_id] = problem;
  }
  return errors;
}

function check({ element, optional }, entry) {
  const { type, ...fields } = entry;
  const value = Object.values(fields)[0];
  const empty = value === null || value === undefined || value.length === 0 || (typeof value === 'string' && value.trim() === '');
  if (empty) return optional ? undefined : REQUIRED;
  switch (type) {
    case 'plain_text_input': return checkLength(element, [...value].length);
    case 'number_input': return checkNumber(element, value);
    case 'email_text_input': return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? undefined : 'Enter an e-mail address.';
    case 'url_text_input': return URL.canParse(value) ? undefined : 'Enter a complete web address.';
    default: return undefined;
  }
}

function checkLength({ min_length: least, max_length: most }, length) {
  if (least && length < least) return `Enter at least ${least} characters.`;
  if (most && length > most) return `Enter at most ${most} characters.`;
  return undefined;
}

function checkNumber(element, value) {
  const number = Number(value);
  if (!Number.isFinite(number)) return 'Enter a number.';
  if (!element.is_decimal_allowed && !Number.isInteger(number)) return 'Enter a whole number.';
  if (element.min_value !== undefined && number < Number(element.min_value)) return `Enter ${element.min_value} or more.`;
  if (element.max_value !== undefined && number > Number(element.max_value)) return `Enter ${element.max_value} or less.`;
  return undefined;
}
