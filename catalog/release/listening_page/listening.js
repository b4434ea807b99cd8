const tracks = all(".tracks a");
const songs = all(".song").map(makeSong).filter(Boolean);
const deck = one(".deck");
const keys = one(".keys");
const session = "mediaSession" in navigator ? navigator.mediaSession : null;
let current = null;
let ticking = false;

function makeSong(root) {
  const mix = one("audio.mix", root);
  if (!mix) return null;
  const song = {
    root,
    mix,
    title: root.dataset.title,
    artist: root.dataset.artist,
    number: one(".number", root).textContent,
    duration: Number(root.dataset.duration),
    scope: one(".scope", root),
    words: wordsOf(root),
    track: tracks.find((link) => link.hash === `#${root.id}`),
  };
  song.loudness = (song.scope.dataset.loudness || "").split(" ").filter(Boolean).map((pair) => pair.split(","));
  song.beat = beatOf(root, song.duration);
  song.parts = partsOf(song);
  song.form = formOf(song);
  song.section = undefined; // where the song is in its form
  listen(song);
  return song;
}

function slidable(song) {
  const { scope } = song;
  scope.tabIndex = 0;
  scope.setAttribute("role", "slider");
  scope.setAttribute("aria-label", `Position in ${song.title}`);
  scope.setAttribute("aria-valuemin", "0");
  scope.setAttribute("aria-valuemax", song.duration.toFixed(1));
  scope.setAttribute("aria-valuenow", "0");
  scope.setAttribute("aria-valuetext", `0:00 of ${clock(song.duration)}`);
}

function listen(song) {
  slidable(song);
  one(".play", song.root).addEventListener("click", () => toggle(song));
  const { mix } = song;
  mix.addEventListener("play", () => started(song));
  for (const change of ["pause", "seeked"]) mix.addEventListener(change, () => show(song));
  mix.addEventListener("ended", () => ended(song));
  for (const change of ["playing", "pause", "seeking", "seeked", "ratechange", "waiting"]) {
    mix.addEventListener(change, () => keepClick(song));
  }
  listenToParts(song);
  listenToWords(song);
  one(".parts .click", song.root)?.addEventListener("click", () => toggleClick(songs, song));
  listenToScope(song);
  handOnInTime(song);
}

function listenToScope(song) {
  const { scope } = song;
  const hover = one(".hover", scope);
  const at = (event) => {
    const box = scope.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * song.duration;
  };
  scope.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    scope.setPointerCapture(event.pointerId);
    seek(song, at(event));
  });
  scope.addEventListener("pointermove", (event) => {
    const s = at(event);
    const read = song.loudness.findLast(([end]) => Number(end) <= s);
    hover.textContent = read && read[1] ? `${clock(s)} · ${read[1].replace("-", "−")} LUFS` : clock(s);
    hover.style.setProperty("--at", s / song.duration);
    if (scope.hasPointerCapture(event.pointerId)) seek(song, s);
  });
  scope.addEventListener("keydown", (event) => {
    const now = song.mix.currentTime;
    const moves = {
      ArrowLeft: () => now - STEP_S,
      ArrowRight: () => now + STEP_S,
      ArrowUp: () => lineBeside(song, now, -1),
      ArrowDown: () => lineBeside(song, now, 1),
      PageUp: () => now - 6 * STEP_S,
      PageDown: () => now + 6 * STEP_S,
      Home: () => 0,
      End: () => song.duration,
      Enter: () => (toggle(song), null),
    };
    if (!moves[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const to = moves[event.key]();
    if (to !== null) seek(song, to);
  });
}

function lineBeside(song, now, way) {
  const starts = song.words.lines.filter(({ item }) => !item.classList.contains("rest")).map(({ start }) => start);
  const found = way > 0 ? starts.find((s) => s > now + 0.05) : starts.findLast((s) => s < now - 1);
  return found ?? (way > 0 ? now + STEP_S : 0);
}

function toggle(song) {
  if (song.mix.paused) play(song);
  else song.mix.pause();
}

function play(song) {
  song.mix.play().catch((error) => {
    if (error.name !== "AbortError") song.root.classList.add("missing");
  });
}

// Go on with a file whose time is exact to the sample, where the one that plays is an MP3.
function beExact(song) {
  const { mix, root } = song;
  const { exact } = root.dataset;
  if (!exact || isImmovable(mix)) return;
  delete root.dataset.exact;
  const { currentTime, paused, playbackRate } = mix;
  mix.src = exact;
  mix.currentTime = currentTime;
  mix.playbackRate = playbackRate;
  if (!paused) play(song);
}

function seek(song, s) {
  song.mix.preload = "metadata"; // else not every browser keeps the time of a file that it has not opened
  song.mix.currentTime = Math.min(Math.max(0, s), Math.max(0, song.duration - 0.05));
  song.words.follows = true;
  current ??= song;
  show(song, song.mix.currentTime);
}

function started(song) {
  for (const other of songs) if (other !== song && !isEnding(other)) other.mix.pause();
  song.root.classList.remove("missing");
  current = song;
  const next = songs[songs.indexOf(song) + 1];
  if (next) next.mix.preload = "metadata";
  for (const each of songs) show(each);
  tell(song);
  if (!ticking) requestAnimationFrame(tick);
  ticking = true;
}

function ended(song) {
  const next = songs[songs.indexOf(song) + 1];
  if (next && !song.parts.solo && current === song) begin(next);
}

// What the system shows on its lock screen and its media keys.
function tell(song) {
  if (!session) return;
  const cover = one(".cover");
  const artwork = cover ? [{ src: cover.src }] : [];
  const { title, artist } = song;
  session.metadata = new MediaMetadata({ title, artist, album: document.body.dataset.album, artwork });
}

function listenToSystem() {
  const does = {
    play: () => current && play(current),
    pause: () => current?.mix.pause(),
    previoustrack: () => beside(-1),
    nexttrack: () => beside(1),
    seekbackward: (told) => current && seek(current, current.mix.currentTime - (told.seekOffset ?? STEP_S)),
    seekforward: (told) => current && seek(current, current.mix.currentTime + (told.seekOffset ?? STEP_S)),
    seekto: (told) => current && seek(current, told.seekTime),
  };
  for (const [action, handler] of Object.entries(does)) {
    try {
      session.setActionHandler(action, handler);
    } catch {
      // This browser has no such key.
    }
  }
}

function begin(song) {
  // A Play button that keeps the focus of a song that is over would begin it again with the next Space.
  const focused = document.activeElement?.closest(".song");
  if (focused && focused !== song.root) one(".play", song.root).focus({ preventScroll: true });
  song.parts.solo = null;
  if (song.mix.currentTime > 0 || song.mix.readyState === 0) seek(song, 0);
  play(song);
  song.root.scrollIntoView({ block: "start", behavior: calm.matches ? "auto" : "smooth" });
}

function tick() {
  ticking = Boolean(current && !current.mix.paused);
  if (!ticking) return;
  show(current);
  requestAnimationFrame(tick);
}

function show(song, s = song.mix.currentTime) {
  const playing = !song.mix.paused;
  const { root, scope } = song;
  root.classList.toggle("playing", playing);
  root.classList.toggle("current", song === current);
  if (song === current) song.track?.setAttribute("aria-current", "true");
  else song.track?.removeAttribute("aria-current");
  scope.style.setProperty("--at", Math.min(1, s / song.duration));
  scope.setAttribute("aria-valuenow", s.toFixed(1));
  scope.setAttribute("aria-valuetext", `${clock(s)} of ${clock(song.duration)}`);
  one(".times .now", root).textContent = clock(s);
  const button = one(".play", root);
  button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${button.dataset.label}`);
  showParts(song);
  showWords(song, s);
  showForm(song, s);
  if (song === current) showDeck(song, s, playing);
}

function showDeck(song, s, playing) {
  deck.hidden = false;
  deck.classList.toggle("playing", playing);
  deck.style.setProperty("--at", Math.min(1, s / song.duration));
  one(".now", deck).textContent = clock(s);
  one(".toggle", deck).setAttribute("aria-label", playing ? "Pause" : "Play");
  const title = one(".playing bdi", deck);
  if (title.textContent === song.title) return;
  title.textContent = song.title;
  one(".playing .number", deck).textContent = song.number;
  one(".end", deck).textContent = clock(song.duration);
}

const beside = (way) => {
  const song = songs[(current ? songs.indexOf(current) : -1) + way];
  if (song) begin(song);
};
one(".previous", deck).addEventListener("click", () => beside(-1));
one(".next", deck).addEventListener("click", () => beside(1));
one(".toggle", deck).addEventListener("click", () => current && toggle(current));
if (session) listenToSystem();
for (const button of all(".help")) button.addEventListener("click", () => keys.showModal());

// After a click the space bar plays and pauses again; who moves by keyboard keeps the focus.
document.addEventListener("click", (event) => event.detail && event.target.closest("button")?.blur());

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || keys.open) return;
  const song = current ?? songs[0];
  if (!song) return;
  const pressed = event.target.closest("button, a, summary, audio, .sheet, .paper");
  const scrolls = event.target.closest("audio, .sheet, .paper");
  const does = {
    " ": () => toggle(song),
    ArrowLeft: () => seek(song, song.mix.currentTime - STEP_S),
    ArrowRight: () => seek(song, song.mix.currentTime + STEP_S),
    n: () => beside(1),
    p: () => beside(-1),
    v: () => togglePart(song, "voice"),
    b: () => togglePart(song, "band"),
    c: () => song.beat && toggleClick(songs, song),
    "?": () => keys.showModal(),
  }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!does || (pressed && event.key === " ") || (scrolls && event.key.startsWith("Arrow"))) return;
  event.preventDefault();
  does();
});
