// Voice and band, and single stems. Their files play beside the master, which keeps the time and is mute meanwhile: a
// file is streamed, as whole songs of stems would fill a phone's memory, and a page on disk may not read its files.
const SYNC_EVERY_MS = 25;
const SYNC_READINGS = 5; // each reading of a player's time is a few milliseconds off
const CLOSE_S = 0.004;
const ADRIFT_S = 0.012; // a follower that sounds is left alone up to here
const FAR_S = 0.3;
const QUIET_MS = 120; // a player's time is not right at once after it was moved or changed its speed
const FASTEST = 0.5;
const GENTLEST = 0.02;
const WAIT_MS = 2500; // a busy machine never gets quite as close
const FADE_STEPS = 5;
const FADE_EVERY_MS = 10;
const SILENT = 0.00001; // -100 dB: Chromium gives a player that is quite mute another clock, which costs 50 ms
const WHOLE_FILES_ONLY = "The stems cannot be played in time with the song, as this server sends files only as a whole.";
const VOLUME_CAN_BE_SET = (() => {
  const audio = new Audio();
  audio.volume = 0.5;
  return audio.volume === 0.5; // not on an iPhone
})();

function partsOf(song) {
  const { root, mix } = song;
  const holder = one(".parts", root);
  const { head = 0, gain = 0 } = root.dataset;
  const { acapella, instrumental } = holder?.dataset ?? {};
  const stems = all(".stems li", root).map((item) => ({
    ...follower(one("audio", item), Number(head), 10 ** (Number(gain) / 20)),
    name: item.dataset.stem,
    button: one(".stem", item),
  }));
  const version = (path) => [follower(new Audio(path), 0, 1)];
  const voice = acapella ? version(acapella) : stems.filter(({ name }) => name === "vocals");
  const band = instrumental ? version(instrumental) : stems.filter(({ name }) => name !== "vocals" && name !== "mix");
  return {
    stems,
    sources: { voice, band },
    on: { voice: true, band: true },
    buttons: { voice: one(".voice", root), band: one(".band", root) },
    solo: null,
    master: { audio: mix, node: null, fading: 0, to: 1 },
    heard: null, // what sounds: followers, or null for the master
    louder: 1, // how much louder than its files the master is, where they cannot be made louder
    timer: 0,
  };
}

function follower(audio, offset, gain) {
  audio.preload = "none";
  audio.preservesPitch = false;
  return { audio, offset, gain, node: null, errors: [], locked: false, off: Infinity, since: 0, fixedAt: 0, readAt: 0, last: 0, fading: 0 };
}

function listenToParts(song) {
  const { parts, mix } = song;
  for (const [name, button] of Object.entries(parts.buttons)) {
    button?.addEventListener("click", () => togglePart(song, name));
  }
  for (const stem of parts.stems) {
    stem.button.addEventListener("click", () => {
      choose(song, { solo: parts.solo === stem ? null : stem, on: { voice: true, band: true } });
      if (mix.paused) play(song);
    });
  }
  mix.addEventListener("play", () => {
    if (wanted(parts) === null) parts.louder = 1;
    followAll(song);
  });
  mix.addEventListener("pause", () => rest(song));
  mix.addEventListener("seeking", () => running(parts).forEach((each) => align(song, each)));
  mix.addEventListener("ratechange", () => running(parts).forEach((each) => align(song, each)));
}

function togglePart(song, name) {
  const { parts } = song;
  if (parts.buttons[name]) choose(song, { solo: null, on: { ...parts.on, [name]: !parts.on[name] } });
}

function choose(song, chosen) {
  Object.assign(song.parts, chosen);
  beExact(song);
  if (!song.mix.paused) followAll(song);
  show(song);
}

// The followers that are to be heard; null for the master.
function wanted({ solo, on, sources }) {
  if (solo) return [solo];
  if (on.voice && on.band) return null;
  return [...(on.voice ? sources.voice : []), ...(on.band ? sources.band : [])];
}

// The followers that play, heard or not, so that a further press is followed at once.
function running(parts) {
  if (wanted(parts) === null) return [];
  return parts.solo ? [parts.solo] : [...parts.sources.voice, ...parts.sources.band];
}

function followAll(song) {
  const { parts } = song;
  const run = running(parts);
  for (const each of [...parts.stems, ...parts.sources.voice, ...parts.sources.band]) {
    if (!run.includes(each)) each.audio.pause();
    else if (each.audio.paused) follow(song, each);
  }
  clearInterval(parts.timer);
  if (run.length) parts.timer = setInterval(() => keepTogether(song), SYNC_EVERY_MS);
  settle(song);
}

function rest(song) {
  const { parts } = song;
  clearInterval(parts.timer);
  for (const each of running(parts)) each.audio.pause();
}

function follow(song, each) {
  amplifiable(each);
  if (!song.parts.heard?.includes(each)) loudness(each, 0, 1);
  align(song, each);
  each.audio.play().catch((error) => {
    if (error.name !== "AbortError") missing(song, "The stems cannot be played: are they still beside the page?");
  });
}

// A page from a server can make a file louder; one on disk can only make it softer.
function amplifiable(each) {
  if (each.node || each.gain <= 1 || location.protocol === "file:") return;
  const context = audioContext();
  each.node = new GainNode(context, { gain: 0 });
  context.createMediaElementSource(each.audio).connect(each.node).connect(context.destination);
}

function missing(song, text) {
  const note = one(".parts .note", song.root) ?? one(".trouble", song.root);
  note.textContent = text;
  choose(song, { solo: null, on: { voice: true, band: true } });
}

function align(song, each) {
  each.audio.currentTime = song.mix.currentTime + each.offset;
  each.audio.playbackRate = song.mix.playbackRate;
  Object.assign(each, { locked: false, off: Infinity, since: performance.now() });
  waitFor(each, 0);
}

function keepTogether(song) {
  for (const each of running(song.parts)) correct(song.mix, each);
  // Where a server sends no part of a file, its player cannot be moved to another place.
  if (running(song.parts).some(({ audio }) => isImmovable(audio))) missing(song, WHOLE_FILES_ONLY);
  settle(song);
}

function isImmovable({ readyState, seekable, currentTime }) {
  return readyState > 0 && (!seekable.length || seekable.end(seekable.length - 1) < currentTime);
}

// Measure how far a follower is from the master, and have it play a little faster or slower until it is there.
function correct(mix, each) {
  const { audio } = each;
  const now = performance.now();
  if (now - each.since > WAIT_MS && each.off < FAR_S) each.locked = true;
  if (now < each.fixedAt) return;
  if (audio.playbackRate !== mix.playbackRate) audio.playbackRate = mix.playbackRate;
  const stands = audio.currentTime === each.last || mix.seeking || audio.seeking || mix.readyState < 3;
  each.last = audio.currentTime;
  if (stands || audio.readyState < 3) waitFor(each, 0);
  if (now < each.readAt) return;
  each.errors.push(audio.currentTime - mix.currentTime - each.offset);
  if (each.errors.length < SYNC_READINGS) return;
  const error = mean(each.errors);
  Object.assign(each, { errors: [], off: Math.abs(error) });
  if (each.off > FAR_S) {
    audio.currentTime = mix.currentTime + each.offset;
    waitFor(each, 0);
  } else if (each.off < (each.locked ? ADRIFT_S : CLOSE_S)) each.locked = true;
  else {
    const change = each.locked ? GENTLEST : Math.min(FASTEST, each.off / 0.1);
    audio.playbackRate = mix.playbackRate * (1 - Math.sign(error) * change);
    waitFor(each, (each.off / change) * 1000);
  }
}

// Read a player's time again only when it plays steadily, after a change of its speed that takes some milliseconds.
function waitFor(each, change_ms) {
  const fixedAt = performance.now() + change_ms;
  Object.assign(each, { errors: [], fixedAt, readAt: fixedAt + QUIET_MS });
}

// The master sounds until the followers are in time with it; only then do they take its place.
function settle(song) {
  const { parts, mix } = song;
  const next = wanted(parts);
  const ready = next === null || next.every(({ locked }) => locked);
  if (ready || parts.heard !== null) parts.heard = next;
  // Where the files cannot be made louder, the master is made softer, for as long as it is compared with them.
  const run = running(parts);
  if (parts.heard !== null) parts.louder = Math.max(1, ...run.map(({ gain, node }) => (node ? 1 : gain)));
  loudness(parts.master, parts.heard === null ? 1 / parts.louder : 0);
  for (const each of run) {
    const sounds = ready && parts.heard?.includes(each) && !mix.paused;
    loudness(each, sounds ? each.gain / parts.louder : 0);
  }
}

// Fade to a loudness, as a jump would be heard as a click.
function loudness(each, to, steps = document.hidden ? 1 : FADE_STEPS) {
  if (each.to === to) return;
  each.to = to;
  clearInterval(each.fading);
  const { audio, node } = each;
  if (node) {
    node.gain.setTargetAtTime(to, node.context.currentTime, 0.01);
    return;
  }
  if (!VOLUME_CAN_BE_SET) audio.muted = to === 0;
  const from = audio.volume;
  let step = 0;
  const move = () => {
    step += 1;
    audio.volume = Math.max(SILENT, from + ((to - from) * step) / steps);
    if (step >= steps) clearInterval(each.fading);
  };
  move();
  if (steps > 1) each.fading = setInterval(move, FADE_EVERY_MS);
}

function showParts({ parts, mix }) {
  for (const [name, button] of Object.entries(parts.buttons)) {
    button?.setAttribute("aria-pressed", String(parts.on[name]));
  }
  for (const stem of parts.stems) stem.button.setAttribute("aria-pressed", String(parts.solo === stem && !mix.paused));
}
