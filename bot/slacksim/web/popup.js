// popup.js: places menus and lists beside the control that opened them, free of
// the scroll boxes they live in.

const GAP = 4;
const EDGE = 8;

// placed is the hook for a popup that hangs on the element with id `anchor`.
export function placed(anchor, { match = false } = {}) {
  const put = (popup) => place(popup, document.getElementById(anchor), match);
  return { mount: put, update: put };
}

function place(popup, anchor, match) {
  if (!anchor) return;
  popup.dataset.anchor = anchor.id;
  popup.dataset.match = match ? 'width' : '';
  const at = anchor.getBoundingClientRect();
  popup.style.minWidth = match ? `${at.width}px` : '';
  popup.style.maxWidth = match && at.width > 240 ? `${at.width}px` : '';
  const below = window.innerHeight - at.bottom - GAP - EDGE;
  const above = at.top - GAP - EDGE;
  const under = popup.scrollHeight <= below || below >= above;
  popup.style.maxHeight = `${Math.max(120, Math.min(420, under ? below : above))}px`;
  const height = popup.offsetHeight;
  popup.style.top = `${under ? at.bottom + GAP : Math.max(EDGE, at.top - GAP - height)}px`;
  popup.style.left = `${Math.max(EDGE, Math.min(at.left, window.innerWidth - popup.offsetWidth - EDGE))}px`;
}

// followAnchors keeps open popups in place while something scrolls or resizes.
export function followAnchors() {
  const again = (event) => {
    for (const popup of document.querySelectorAll('[data-anchor]')) {
      if (event.target instanceof Node && popup.contains(event.target)) continue;
      place(popup, document.getElementById(popup.dataset.anchor), popup.dataset.match === 'width');
    }
  };
  window.addEventListener('scroll', again, true);
  window.addEventListener('resize', again);
}
