// dialog.js: the frame of everything modal. It holds the focus while it is open
// and gives it back afterwards.
import { h } from './dom.js';

const FOCUSABLE = 'a[href], button:not([disabled]), input:not([disabled]), textarea:not([disabled]), [tabindex="0"]';
const FIRST = '[data-autofocus], .dialog-body input:not([disabled]), .dialog-body textarea:not([disabled])';
const openers = new WeakMap();

// dialog draws a modal dialog named by its title. Escape calls onEscape.
export function dialog({ key, title, className = '', describedby, onEscape, data }, ...content) {
  const titleId = `${key}-title`;
  return h('div', { class: `scrim ${className}`, key },
    h('div', {
      class: 'dialog', role: 'dialog', 'aria-modal': true, 'aria-labelledby': titleId, 'aria-describedby': describedby,
      tabindex: '-1', ...data,
      on: { keydown: (event) => hold(event, onEscape) },
      hook: {
        mount: (el, active) => {
          openers.set(el, active);
          focusFirst(el);
        },
        update: (el) => {
          if (!el.closest('[inert]') && !el.contains(document.activeElement)) focusFirst(el);
        },
        unmount: (el) => queueMicrotask(() => giveBack(openers.get(el))),
      },
    }, title(titleId), content));
}

// focusFirst puts the focus where the person starts: an invalid field, the first
// field, else the dialog itself.
export function focusFirst(el) {
  const target = el.querySelector('[aria-invalid="true"]') ?? el.querySelector(FIRST) ?? el;
  target.focus({ preventScroll: target === el });
}

function giveBack(opener) {
  if (document.querySelector('[role="dialog"]:not([inert] *)')?.contains(document.activeElement)) return;
  const target = opener?.isConnected && opener !== document.body ? opener : document.querySelector('.composer textarea');
  target?.focus({ preventScroll: true });
}

function hold(event, onEscape) {
  if (event.key === 'Escape') {
    event.preventDefault();
    event.stopPropagation();
    onEscape();
    return;
  }
  if (event.key !== 'Tab') return;
  const stops = [...event.currentTarget.querySelectorAll(FOCUSABLE)].filter((el) => el.offsetParent !== null);
  const first = stops[0];
  const last = stops.at(-1);
  const at = document.activeElement;
  if (event.shiftKey && (at === first || at === event.currentTarget)) {
    event.preventDefault();
    last?.focus();
  } else if (!event.shiftKey && (at === last || stops.length === 0)) {
    event.preventDefault();
    first?.focus();
  }
}
