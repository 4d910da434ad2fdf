// Tells whoever asked for it, through the browser, that something has arrived while the page was out of sight.
// One message for a burst, and never a word about what arrived. Without this script the page says nothing of it.
const place = document.querySelector("[data-arrivals]");
const CHOICE = "caseloop.tell-of-arrivals";
const QUIET_MS = 60_000;

let listening = null;
let shown = null;
let toldAt = -Infinity;

// Some browsers of phones have Notification and refuse to make one. Asked only before permission is given: nothing shows.
function canTell() {
  if (!("Notification" in window) || !navigator.locks) return false;
  if (Notification.permission === "granted") return true;
  try {
    new Notification("");
    return true;
  } catch {
    return false;
  }
}

function chosen(choice) {
  try {
    if (choice !== undefined) localStorage.setItem(CHOICE, choice);
    return localStorage.getItem(CHOICE) === "on";
  } catch {
    return choice === "on";
  }
}

function standing() {
  if (Notification.permission === "denied") return "blocked";
  return Notification.permission === "granted" && chosen() ? "on" : "off";
}

function draw() {
  const now = standing();
  const button = place.querySelector("button");
  button.hidden = now === "blocked";
  button.textContent = now === "on" ? place.dataset.stop : place.dataset.start;
  for (const sentence of place.querySelectorAll("[data-when]")) sentence.hidden = sentence.dataset.when !== now;
  place.hidden = false;
}

async function press() {
  if (standing() === "on") chosen("off");
  else if ((await Notification.requestPermission()) === "granted") chosen("on");
  draw();
  if (standing() === "blocked") place.querySelector("[role=status]").focus();
}

function tell() {
  if (Date.now() - toldAt < QUIET_MS) return;
  toldAt = Date.now();
  shown = new Notification(place.dataset.says, { tag: CHOICE });
  shown.onclick = () => {
    window.focus();
    shown.close();
  };
}

const rowsOf = (page) => [...page.querySelectorAll(place.dataset.rows)].map((row) => row.id);

// A message is the whole list, or parts: rows that come or change, and the names of those that leave. As templates the
// parts keep their rows, which stand in no table.
function partsOf(data) {
  const page = new DOMParser().parseFromString(data.replaceAll("hx-partial", "template"), "text/html");
  return { page, parts: [...page.querySelectorAll("template")] };
}

// The page's own stream rests while it is out of sight; this one runs instead, and tells what it brings from what is known.
function listen(signal, known) {
  const stream = new EventSource(place.dataset.arrivals);
  stream.onmessage = ({ data }) => {
    const { page, parts } = partsOf(data);
    const rows = parts.length ? parts.flatMap((part) => rowsOf(part.content)) : rowsOf(page);
    if (known && rows.some((id) => !known.has(id))) tell();
    if (!parts.length) known = new Set();
    for (const id of rows) known.add(id);
    for (const part of parts.filter((each) => each.getAttribute("hx-swap") === "delete"))
      known.delete(part.getAttribute("hx-target").slice(1));
  };
  return new Promise((stopped) => {
    signal.addEventListener("abort", () => {
      stream.close();
      stopped();
    });
  });
}

// Of several such pages in one browser only one listens: the lock is its turn. Who waited for it starts from what it
// finds, since the others have told of what came meanwhile; so does a page that shows only a part.
async function watch() {
  listening?.abort();
  if (!document.hidden) shown?.close();
  if (!document.hidden || standing() !== "on") return;
  listening = new AbortController();
  const { signal } = listening;
  const known = "narrowed" in place.dataset ? null : new Set(rowsOf(document));
  try {
    const first = await navigator.locks.request(CHOICE, { ifAvailable: true }, (lock) => lock && listen(signal, known));
    if (first === null) await navigator.locks.request(CHOICE, { signal }, () => listen(signal, null));
  } catch (stopped) {
    if (stopped.name !== "AbortError") throw stopped;
  }
}

if (place && canTell()) {
  place.querySelector("button").addEventListener("click", press);
  document.addEventListener("visibilitychange", watch);
  // Chosen in another window of this browser.
  window.addEventListener("storage", () => {
    draw();
    watch();
  });
  draw();
}
