// What every part of the page's script uses. The parts are joined to one script, in the order that page.py states.
const STEP_S = 5;
const LOADED_AHEAD_S = 20; // how long before the end of a song the next one is loaded
const HANDED_AHEAD_S = 0.8; // and its start is set
const HAND_OVER_S = 0.03; // what a player takes from its call to its first sound, about
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const one = (selector, root = document) => root.querySelector(selector);
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

let sharedContext = null;

// The one audio context of the page, made when a press first needs it.
function audioContext() {
  sharedContext ??= new AudioContext();
  if (sharedContext.state === "suspended") sharedContext.resume().catch(() => {});
  return sharedContext;
}
