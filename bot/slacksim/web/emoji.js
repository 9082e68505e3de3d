// emoji.js: the shortcodes people and apps use most, by their common names.

const EMOJI = {
  '+1': '👍', thumbsup: '👍', '-1': '👎', thumbsdown: '👎', wave: '👋', pray: '🙏', clap: '👏', raised_hands: '🙌',
  eyes: '👀', point_right: '👉', muscle: '💪', handshake: '🤝', ok_hand: '👌', smile: '😄', slightly_smiling_face: '🙂',
  grinning: '😀', joy: '😂', wink: '😉', thinking_face: '🤔', sob: '😭', heart: '❤️', tada: '🎉', sparkles: '✨',
  rocket: '🚀', fire: '🔥', star: '⭐', zap: '⚡', bulb: '💡', bell: '🔔', no_bell: '🔕', loudspeaker: '📢',
  white_check_mark: '✅', heavy_check_mark: '✔️', ballot_box_with_check: '☑️', x: '❌', no_entry: '⛔', no_entry_sign: '🚫',
  warning: '⚠️', rotating_light: '🚨', information_source: 'ℹ️', question: '❓', exclamation: '❗', key: '🔑',
  old_key: '🗝️', lock: '🔒', unlock: '🔓', closed_lock_with_key: '🔐', shield: '🛡️', hourglass: '⌛',
  hourglass_flowing_sand: '⏳', alarm_clock: '⏰', stopwatch: '⏱️', calendar: '📅', date: '📅', clipboard: '📋',
  memo: '📝', pencil: '📝', page_facing_up: '📄', link: '🔗', gear: '⚙️', wrench: '🔧', hammer: '🔨', package: '📦',
  inbox_tray: '📥', outbox_tray: '📤', mag: '🔍', robot_face: '🤖', ghost: '👻', bust_in_silhouette: '👤',
  busts_in_silhouette: '👥', door: '🚪', recycle: '♻️', arrows_counterclockwise: '🔄', repeat: '🔁', red_circle: '🔴',
  large_orange_circle: '🟠', large_yellow_circle: '🟡', large_green_circle: '🟢', large_blue_circle: '🔵',
  white_circle: '⚪', black_circle: '⚫', chart_with_upwards_trend: '📈', bar_chart: '📊', coffee: '☕', skull: '💀',
  100: '💯',
};

const SHORTCODE = /:([a-z0-9_+-]+):/g;

// emojiOf gives the character of a shortcode's name, or nothing.
export function emojiOf(name) {
  return Object.hasOwn(EMOJI, name) ? EMOJI[name] : undefined;
}

// withEmoji replaces the known shortcodes of a text and leaves the others.
export function withEmoji(text) {
  return text.replace(SHORTCODE, (code, name) => emojiOf(name) ?? code);
}
