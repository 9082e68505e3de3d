// Makes the reveal pages handier. Everything works without it.
"use strict";

// Reloading or coming back asks for the page anew, instead of asking people
// whether to send a form again; and what a vendor's answer adds to the address
// does not stay in the history, nor in what people copy from there.
history.replaceState(null, "", location.pathname);

// Times in the reader's own time zone; the original stays as a tooltip.
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (!Number.isNaN(at.getTime())) {
    time.title = time.textContent;
    time.textContent = at.toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" });
  }
}

// A second press would throw away the answer to the first, and the key in it.
const form = document.querySelector("form");
if (form) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) {
      event.preventDefault();
    }
    sent = true;
  });
}

const key = document.getElementById("key");
if (key) {
  const button = document.getElementById("copy");
  const status = document.getElementById("copied");

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(key.value);
      return true;
    } catch {
      key.focus();
      key.select();
      return document.execCommand("copy");
    }
  };
  button.addEventListener("click", async () => {
    const done = await copy();
    status.textContent = done ? "Copied." : "Your browser did not allow it. Select the key and copy it yourself.";
  });
  button.hidden = false;

  key.addEventListener("focus", () => key.select());

  // Nothing of the key stays in a page that the browser puts aside.
  addEventListener("pagehide", () => {
    key.value = "";
  });
}

// A page that the browser kept shows what was; ask for what is.
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.replace(location.href);
  }
});
