// api.js: the three doors of the simulator that the browser client uses.

export class Api {
  constructor(as) {
    this.as = as;
    this.query = `as=${encodeURIComponent(as)}`;
  }

  // state fetches everything this persona can see.
  async state() {
    const answer = await fetch(`/client/state?${this.query}`, { cache: 'no-store' });
    const body = await readJSON(answer);
    if (!answer.ok || body.ok === false || !body.me) {
      throw new Error(body.error || `The workspace answered ${answer.status}.`);
    }
    return body;
  }

  // act reports what the person did. It never throws: a failure is an answer
  // with ok false and a sentence.
  async act(body) {
    try {
      const answer = await fetch(`/client/act?${this.query}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      const reply = await readJSON(answer);
      return reply.ok || reply.error || reply.errors ? reply : { ok: false, error: `The workspace answered ${answer.status}.` };
    } catch {
      return { ok: false, error: 'The workspace cannot be reached.' };
    }
  }

  // listen calls onChange on every change and onLink when the stream comes and
  // goes. The returned function ends it.
  listen(onChange, onLink) {
    const source = new EventSource(`/client/events?${this.query}`);
    source.addEventListener('change', () => onChange());
    source.addEventListener('open', () => onLink(true));
    source.addEventListener('error', () => onLink(false));
    return () => source.close();
  }
}

// readJSON reads an answer; plain text is taken as the sentence of an error.
async function readJSON(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text);
  } catch {
    return { ok: false, error: text.trim() };
  }
}
