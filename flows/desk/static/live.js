// Keeps a page as it would be if it were loaded now: on each event that concerns it, the page is fetched, and only what
// differs is changed in place. What has the focus keeps it.
import { morph } from "./morph.js";

const REFRESH_MS = 1000;
const follows = document.body.dataset.follows;
const song = document.body.dataset.song;
const connection = document.getElementById("connection");

let isWaiting = false;
let isRunning = false;
let isAskedAgain = false;

// Fetch the page and bring its live parts up to date; at most once a second.
export function refresh() {
  if (isRunning || isWaiting) {
    isAskedAgain = isAskedAgain || isRunning;
    return;
  }
  isWaiting = true;
  setTimeout(load, lately() ? REFRESH_MS : 0);
}

let loadedAt = 0;
function lately() {
  return performance.now() - loadedAt < REFRESH_MS;
}

async function load() {
  isWaiting = false;
  isRunning = true;
  loadedAt = performance.now();
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.status === 401) {
      tell("This page is of an earlier run. Open the link that songline desk printed.", true);
    } else if (answer.ok) {
      take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
  } catch {
    // The connection's own message says that the app does not answer.
  }
  isRunning = false;
  if (isAskedAgain) {
    isAskedAgain = false;
    refresh();
  }
}

function take(page) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = page.getElementById(part.id);
    if (now) morph(part, now);
  }
  document.dispatchEvent(new CustomEvent("refreshed"));
}

function tell(text, isError) {
  if (connection.textContent === text) return;
  connection.textContent = text;
  connection.classList.toggle("error", isError);
}

function concerns(change) {
  if (follows === "*") return true;
  if (change.album !== follows) return false;
  return !song || !change.songs || change.songs.includes(song);
}

if (follows) {
  const events = new EventSource("/events");
  events.addEventListener("hello", () => { tell("Live", false); refresh(); });
  events.addEventListener("behind", refresh);
  for (const name of ["album", "job"]) {
    events.addEventListener(name, (event) => {
      const data = JSON.parse(event.data);
      document.dispatchEvent(new CustomEvent(`desk:${name}`, { detail: data }));
      if (name === "job" ? follows === "*" || data.album === follows : concerns(data)) refresh();
    });
  }
  events.addEventListener("error", () => tell("Not connected. Is songline desk still running?", true));
  addEventListener("pagehide", () => events.close());
}
