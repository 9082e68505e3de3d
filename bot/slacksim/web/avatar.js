// avatar.js: a person's or an app's initials on their colour.
import { h } from './dom.js';

const FALLBACK = '5b6b73';

// avatar is decoration: the name always stands beside it.
export function avatar(user, size = '') {
  const hex = /^#?([0-9a-f]{6})$/i.exec(user?.color ?? '')?.[1] ?? FALLBACK;
  const initials = user?.initials || (user?.real_name || user?.name || '?').split(/\s+/).map((word) => word[0]).join('').slice(0, 2).toUpperCase();
  return h('span', {
    class: `avatar${user?.is_bot ? ' avatar-bot' : ''} ${size}`, 'aria-hidden': true,
    style: { background: `#${hex}`, color: isLight(hex) ? '#000000' : '#ffffff' },
  }, initials);
}

// isLight says which of black and white reads better on a colour.
function isLight(hex) {
  const [r, g, b] = [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18;
}

// tagsOf says in words what a colour could not: an app, a guest, an outsider.
export function tagsOf(user) {
  const words = [
    user?.is_bot && 'App', user?.is_stranger && 'External', user?.is_guest && 'Guest', user?.deleted && 'Deactivated',
  ].filter(Boolean);
  return words.map((word) => h('span', { class: 'tag' }, word));
}
