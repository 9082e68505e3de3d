// live.js: how a tab learns of changes. A tab in view holds a stream; a hidden
// tab asks now and then instead, because a browser allows only six connections
// to one server and people open a tab per persona.

const HIDDEN_SECONDS = 5;

// follow calls onChange on every change and onLink when the stream comes and
// goes. The returned function ends it.
export function follow(api, onChange, onLink) {
  let stop = () => {};
  const choose = () => {
    stop();
    if (document.visibilityState === 'hidden') {
      const timer = setInterval(onChange, HIDDEN_SECONDS * 1000);
      stop = () => clearInterval(timer);
      return;
    }
    stop = api.listen(onChange, onLink);
  };
  document.addEventListener('visibilitychange', choose);
  choose();
  return () => {
    document.removeEventListener('visibilitychange', choose);
    stop();
  };
}
