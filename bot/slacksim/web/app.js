// app.js: starts the client for the persona and the place that the page's
// address names.
import { Client } from './client.js';
import { render } from './dom.js';
import { closeOnOutside } from './menu.js';
import { followAnchors } from './popup.js';
import { shell } from './shell.js';

const DEFAULT_PERSONA = 'U0ALICE';
const root = document.getElementById('app');

// Redraw collects the requests of one turn into one drawing.
class Redraw {
  #asked = false;

  ask() {
    if (this.#asked) return;
    this.#asked = true;
    queueMicrotask(() => this.#asked && this.now());
  }

  now() {
    this.#asked = false;
    render(root, shell(client));
    document.title = title();
  }
}

const client = new Client(new Redraw());

function title() {
  const { state, ui } = client;
  if (!state || !ui.place) return 'Not Slack';
  const unread = state.channels.reduce((sum, channel) => sum + (channel.unread ?? 0), 0);
  const channel = ui.place.kind === 'channel' && client.channel(ui.place.id);
  return `${unread ? `(${unread}) ` : ''}${channel ? client.channelName(channel) : state.app.name} | ${state.me.real_name} | Not Slack`;
}

// address reads who and where from the page's address.
function address() {
  const query = new URLSearchParams(window.location.search);
  const where = query.get('channel') ?? '';
  const fixed = where === 'home' || where === 'about';
  return { as: query.get('as') || DEFAULT_PERSONA, place: where ? (fixed ? { kind: where } : { kind: 'channel', id: where }) : null };
}

function open() {
  const { as, place } = address();
  if (client.state?.me.id === as && place && client.canSee(place)) client.go(place, 'replace');
  else client.start(as, place);
}

closeOnOutside(client);
followAnchors();
window.addEventListener('popstate', open);
document.addEventListener('visibilitychange', () => client.state && client.markRead());
open();
