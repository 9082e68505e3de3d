// client.js: what one tab knows: the workspace as this persona sees it, and what
// the person is in the middle of doing.
import { Api } from './api.js';
import { validZone } from './dates.js';
import { follow } from './live.js';
import { surfaceKey } from './surface.js';
import { Values } from './values.js';

const TOAST_SECONDS = 10;

function freshUI() {
  return {
    place: null, thread: null, menu: null, confirm: null, sidebar: false, online: true, failure: '',
    drafts: new Map(), busy: new Set(), errors: new Map(), trouble: new Map(), toasts: [], behind: false,
  };
}

export class Client {
  #redraw;
  #api;
  #stop = () => {};
  #fetching = null;
  #queued = null;
  #locals = new Map();
  #read = new Map();
  #toastId = 0;
  #timed = new Set();
  #zone = ['', 'UTC'];

  constructor(redraw) {
    this.#redraw = redraw;
    this.state = null;
    this.ui = freshUI();
    this.values = new Values();
  }

  // start shows the workspace to one persona, at one place.
  async start(as, place) {
    this.#stop();
    this.#api = new Api(as);
    this.#locals.clear();
    this.#read.clear();
    this.#timed.clear();
    this.state = null;
    this.ui = freshUI();
    this.values = new Values();
    this.draw();
    await this.refresh();
    if (!this.state) return;
    this.go(place && this.canSee(place) ? place : this.#firstPlace(), 'replace');
    this.#stop = follow(this.#api, () => this.refresh(), (online) => this.update((ui) => { ui.online = online; }));
  }

  // draw asks for a redraw; flush makes it now.
  draw() { this.#redraw.ask(); }

  flush() { this.#redraw.now(); }

  update(change) {
    change(this.ui);
    this.draw();
  }

  // local keeps the small state of one control across redraws.
  local(id, make) {
    if (!this.#locals.has(id)) this.#locals.set(id, make());
    return this.#locals.get(id);
  }

  // refresh fetches the state. Calls that come during a fetch share one more.
  refresh() {
    if (!this.#fetching) {
      this.#fetching = this.#fetch().finally(() => { this.#fetching = null; });
      return this.#fetching;
    }
    this.#queued ??= this.#fetching.then(() => {
      this.#queued = null;
      return this.refresh();
    });
    return this.#queued;
  }

  async #fetch() {
    const api = this.#api;
    try {
      const state = await api.state();
      if (api !== this.#api) return;
      this.#take(state);
    } catch (error) {
      if (api === this.#api) this.update((ui) => { ui.failure = error.message; });
    }
  }

  #take(state) {
    for (const view of state.views ?? []) {
      const before = this.state?.views?.find((old) => old.id === view.id);
      if (before && before.hash !== view.hash) this.ui.errors.delete(view.id);
    }
    this.state = state;
    const live = new Set();
    for (const view of [...(state.views ?? []), state.home].filter(Boolean)) {
      const key = surfaceKey({ type: 'view', view_id: view.id });
      live.add(key);
      this.values.sync(key, view.blocks, view.values);
    }
    for (const [channel, messages] of Object.entries(state.messages ?? {})) {
      for (const message of messages ?? []) {
        if (!message.blocks?.length) continue;
        const key = surfaceKey({ type: 'message', channel, ts: message.ts });
        live.add(key);
        this.values.sync(key, message.blocks, message.values ?? {});
      }
    }
    this.values.keepOnly(live);
    this.#timeToasts();
    this.update((ui) => {
      ui.failure = '';
      if (ui.place && !this.canSee(ui.place)) ui.place = this.#firstPlace();
    });
    this.markRead();
  }

  // post reports an act and answers with the server's reply; act also fetches
  // what changed and shows a failure as a toast, unless the server has done so.
  post(body) { return this.#api.act(body); }

  async act(body) {
    const known = new Set(this.state?.toasts?.map((toast) => toast.id));
    const reply = await this.post(body);
    await this.refresh();
    const told = this.state?.toasts?.some((toast) => !known.has(toast.id));
    if (!reply.ok && !told) this.toast(reply.error || 'That did not work.');
    return reply;
  }

  // confirm asks the person and resolves to their answer.
  confirm(question) {
    return new Promise((resolve) => {
      const answer = (yes) => {
        this.update((ui) => { ui.confirm = null; });
        resolve(yes);
      };
      this.update((ui) => { ui.confirm = { question, answer }; });
    });
  }

  toast(text) {
    const id = `own-${(this.#toastId += 1)}`;
    this.update((ui) => ui.toasts.push({ id, text, own: true }));
    setTimeout(() => this.dismiss({ id, own: true }), TOAST_SECONDS * 1000);
  }

  // timeToasts lets the workspace's notices go once they were in view for a while.
  #timeToasts() {
    if (document.visibilityState === 'hidden') return;
    for (const toast of this.state.toasts ?? []) {
      if (this.#timed.has(toast.id)) continue;
      this.#timed.add(toast.id);
      const api = this.#api;
      setTimeout(() => {
        if (api === this.#api && this.state.toasts?.some(({ id }) => id === toast.id)) this.post({ type: 'dismiss_toast', id: toast.id });
      }, TOAST_SECONDS * 1000);
    }
  }

  dismiss(toast) {
    if (!toast.own) this.act({ type: 'dismiss_toast', id: toast.id });
    this.update((ui) => { ui.toasts = ui.toasts.filter((other) => other.id !== toast.id); });
  }

  errorsOf(view) { return this.ui.errors.get(view.id) ?? view.errors ?? {}; }

  clearError(viewId, blockId) {
    const view = this.state.views?.find((candidate) => candidate.id === viewId);
    if (!view || !this.errorsOf(view)[blockId]) return;
    const { [blockId]: _, ...rest } = this.errorsOf(view);
    this.ui.errors.set(viewId, rest);
  }

  // go shows another place: a channel, the app's Home or its About page.
  go(place, history = 'push') {
    this.update((ui) => Object.assign(ui, { place, thread: null, menu: null, sidebar: false, behind: false }));
    this.#remember(history);
    if (place.kind === 'home') this.act({ type: 'open_home' });
    if (this.channel(place.id)?.kind === 'app') this.act({ type: 'open_messages_tab' });
    this.markRead();
  }

  // switchPersona makes this tab another person's.
  switchPersona(id) {
    const place = this.ui.place?.kind === 'channel' && this.channel(this.ui.place.id)?.kind !== 'channel' ? null : this.ui.place;
    return this.start(id, place);
  }

  #remember(how) {
    const place = this.ui.place;
    const query = new URLSearchParams({ as: this.state.me.id, channel: place.kind === 'channel' ? place.id : place.kind });
    window.history[how === 'push' ? 'pushState' : 'replaceState'](null, '', `?${query}`);
  }

  markRead() {
    const channel = this.ui.place?.kind === 'channel' && this.channel(this.ui.place.id);
    if (!channel || !channel.unread || document.visibilityState === 'hidden') return;
    const last = this.state.messages?.[channel.id]?.at(-1)?.ts ?? '';
    if (this.#read.get(channel.id) === last) return;
    this.#read.set(channel.id, last);
    this.post({ type: 'read', channel: channel.id });
  }

  canSee(place) { return place.kind !== 'channel' || Boolean(this.channel(place.id)); }

  #firstPlace() {
    const channel = this.state.channels.find((candidate) => candidate.kind === 'channel') ?? this.state.channels[0];
    return channel ? { kind: 'channel', id: channel.id } : { kind: 'home' };
  }

  user(id) { return this.state.users.find((user) => user.id === id); }

  channel(id) { return this.state.channels.find((channel) => channel.id === id); }

  appChannel() { return this.state.channels.find((channel) => channel.kind === 'app'); }

  channelName(channel) {
    if (channel.kind === 'channel') return `#${channel.name}`;
    if (channel.kind === 'app') return this.state.app.name;
    const user = this.user(channel.with);
    return user?.real_name || user?.name || channel.name;
  }

  // clock is the workspace's time where the server tells it, in the persona's zone.
  clock() {
    const wanted = this.state.me.tz ?? '';
    if (this.#zone[0] !== wanted) this.#zone = [wanted, validZone(wanted)];
    return { now: this.state.now || Date.now() / 1000, zone: this.#zone[1] };
  }
}
