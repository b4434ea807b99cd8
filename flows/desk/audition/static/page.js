// The page of an audition: what sounds, and everything that follows it.
import { post, say } from "../desk/desk.js";
import { blockFetcher, getJson } from "./api.js";
import { Ballot } from "./ballot.js";
import { Chart } from "./chart.js";
import { Controls } from "./controls.js";
import { Detail } from "./detail.js";
import { listenToKeys } from "./keys.js";
import { listenToChanges } from "./live.js";
import { Player } from "./player.js";
import { Retake } from "./retake.js";
import { Scope, clock } from "./scope.js";
import { Takes, nameOf } from "./takes.js";

const MOVE_S = 5;
const root = document.querySelector(".audition");
const part = (selector) => root.querySelector(selector);

export const page = {
  root,
  part,
  doc: JSON.parse(document.getElementById("document").textContent),
  at: null, // the id of the candidate that sounds
  stage: "mix",
  stem: "",
  matched: true,
  passage: null,
  span: null, // the loop
  player: null,
  shapes: new Map(),
  following: null, // until waveform and words are those of what sounds

  take: (id = page.at) => page.doc.takes.find((take) => take.id === id) ?? null,
  // The candidates in the list: all, or the two that are compared.
  listed() {
    const pair = page.doc.hidden && page.doc.mode === "pairs" ? ballot.shown() : [];
    return pair.length ? pair.map((id) => page.take(id)) : page.doc.takes;
  },
  audible: () => page.listed().filter(({ sounds }) => sounds.mix),

  soundOf(take) {
    const sounds = take?.sounds ?? {};
    return sounds[page.stem ? `stem/${page.stem}` : page.stage] ?? sounds.mix ?? null;
  },

  gainOf(sound) {
    return page.matched && sound.gain_db !== null ? 10 ** (sound.gain_db / 20) : 1;
  },

  // Hear a candidate, at the same moment.
  hear(id, { related = false } = {}) {
    const take = page.take(id);
    const sound = page.soundOf(take);
    if (!sound) return;
    const isOther = page.at !== id;
    page.at = id;
    page.player?.choose(sound.id, page.gainOf(sound), { related });
    takes.mark(id);
    if (isOther || related) page.following = follow(take);
  },

  hearNext(way) {
    const list = page.audible();
    const next = list[list.findIndex(({ id }) => id === page.at) + way];
    if (next) page.hear(next.id);
  },

  // Another stage, stem or loudness of the same candidate.
  again() {
    page.offer();
    page.hear(page.at, { related: true });
  },

  offer() {
    page.player?.offer(page.audible().map((take) => page.soundOf(take).id));
  },

  async toggle() {
    const { player } = page;
    if (!player) return;
    if (player.isPlaying) return player.pause();
    if (player.position_s >= scope.duration - 0.02) player.seek(0);
    await player.play();
  },

  async play() {
    if (page.player && !page.player.isPlaying) await page.player.play();
  },

  seek(s) {
    page.player?.seek(Math.min(Math.max(0, s), Math.max(0, scope.duration - 0.05)));
    chart.follow();
    move();
  },

  seekBy(seconds) {
    page.seek(page.player.position_s + seconds);
  },

  jump(way) {
    const s = page.player.position_s;
    const to = chart.lineBeside(s, way);
    page.seek(to ?? s + way * MOVE_S);
  },

  mark(from_s, to_s) {
    page.passage = to_s > from_s ? { from_s, to_s } : null;
    scope.showPassage(page.passage);
    retake.show(page.passage);
    if (controls.loop.value === "passage") controls.setLoop("passage");
  },

  markEnd(end) {
    const s = page.player.position_s;
    const { from_s, to_s } = page.passage ?? { from_s: s, to_s: Math.min(scope.duration, s + MOVE_S) };
    if (end === "from") page.mark(s, Math.max(to_s, Math.min(scope.duration, s + 1)));
    else page.mark(Math.min(from_s, Math.max(0, s - 1)), s);
  },

  openBlind(mode) {
    location.search = mode === "open" ? "" : `?blind=${mode}`;
  },

  async reveal() {
    await page.show(await post(`/api/audition/${page.doc.session}/reveal`));
    say("Revealed.");
  },

  // A change of what is said of the candidate that sounds; playing goes on.
  async decide(kind, note) {
    const { candidate } = page.take() ?? {};
    if (!candidate) return;
    const told = await post(`/api/candidates/${encodeURIComponent(candidate)}/${kind}`, { note: note || null });
    if (told.fault) say(`${told.fault.what}. ${told.fault.remedy}.`, { isError: true });
    await page.refresh();
  },

  async refresh() {
    await page.show(await getJson(`/api/audition/${page.doc.session}`));
  },

  async show(doc) {
    page.doc = doc;
    if (!page.player && page.audible().length) await begin(); // the first that can be heard
    else showPage();
  },

  showList() {
    takes.show(page.listed(), page.at);
    if (!page.audible().includes(page.take()) && page.audible().length) page.hear(page.audible()[0].id);
    page.offer();
  },

  takeNote: () => detail.takeNote(),
  voteForSounding: () => ballot.voteForSounding(),
  attempt,
};

const scope = new Scope(part(".scope"), { seek: page.seek, markPassage: page.mark });
const takes = new Takes(part(".takes"), { choose: (id) => page.hear(id) });
const chart = new Chart(page);
const controls = new Controls(page, { chart, scope });
const detail = new Detail(page);
const retake = new Retake(page, { lines: (span) => chart.textIn(span), attempt });
const ballot = new Ballot(page);

// Runs what a press asked for; an error is said, not lost.
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    say(error.message, { isError: true });
    return null;
  }
}

function showPage() {
  const { doc } = page;
  part(".mode").textContent = doc.hidden ? "Blind: names, ranks and order are hidden." : doc.mode === "open" ? "" : "Revealed.";
  part(".verdict").textContent = doc.sentence ?? "";
  part("[data-act=reveal]").hidden = !doc.hidden;
  part("[data-act=open]").hidden = doc.mode === "open";
  page.showList();
  controls.show();
  detail.show(page.take());
  ballot.show();
}

// Draw what belongs to the candidate that sounds.
async function follow(take) {
  part(".who").textContent = nameOf(take);
  detail.show(take);
  await attempt(async () => {
    const shape = await shapeOf(take);
    if (page.at !== take.id) return;
    scope.draw(shape);
    part(".end").textContent = clock(shape.duration_s);
    await chart.show(take, shape.duration_s);
    scope.drawLines(chart.starts());
    scope.showLoop(page.span);
    scope.showPassage(page.passage);
    move();
  });
}

async function shapeOf(take) {
  const { id } = take.sounds.mix;
  if (!page.shapes.has(id)) page.shapes.set(id, getJson(`/api/audition/${page.doc.session}/sounds/${id}`));
  return page.shapes.get(id);
}

function move() {
  const s = page.player?.position_s ?? 0;
  scope.move(s);
  part(".now").textContent = clock(s);
  chart.move(s);
}

let ticking = false;
function tick() {
  move();
  ticking = page.player.isPlaying;
  if (ticking) requestAnimationFrame(tick);
}

function showState() {
  const { isPlaying, state } = page.player;
  root.classList.toggle("playing", isPlaying);
  root.classList.toggle("waiting", isPlaying && state.waiting);
  part(".play").setAttribute("aria-label", isPlaying ? "Pause" : "Play");
  if (isPlaying && !ticking) {
    ticking = true;
    requestAnimationFrame(tick);
  } else if (!isPlaying) move();
}

async function begin() {
  const first = page.audible()[0];
  if (!first) {
    showPage();
    part(".trouble").textContent = "No candidate of this song can be heard yet: the page shows each as it is rendered.";
    return;
  }
  const { rate_hz: rate } = await shapeOf(first);
  const fetchBlock = blockFetcher(page.doc.session);
  page.player = new Player({ mixerAddress: root.dataset.mixer, fetchBlock, rate });
  page.player.addEventListener("state", showState);
  page.player.addEventListener("trouble", ({ detail: { error } }) => (part(".trouble").textContent = error.message));
  part(".trouble").textContent = "";
  page.at = null;
  showPage();
  await page.following;
  for (const press of ["pointerdown", "keydown"]) {
    document.addEventListener(press, () => attempt(() => page.player.start()), { once: true, capture: true });
  }
}

part(".play").addEventListener("click", () => attempt(page.toggle));
page.controls = controls;
listenToKeys(page, attempt);
listenToChanges(page, { attempt, told: (job) => retake.told(job) });
attempt(begin).then(() => (root.dataset.ready = "true"));
