// The album as a whole: from one song to the next without a gap, all from the first, and links to single songs.

// Two players are handed over: the next song is loaded while this one plays, and begins so long before its end as a
// player takes from the call to the first sound. The `ended` event comes some tens of milliseconds too late for that.
function handOnInTime(song) {
  let timer = 0;
  song.mix.addEventListener("timeupdate", () => {
    const next = songs[songs.indexOf(song) + 1];
    const left = remaining(song);
    if (!next || left > LOADED_AHEAD_S) return;
    if (next.mix.preload !== "auto") next.mix.preload = "auto";
    if (left > HANDED_AHEAD_S || timer || song.mix.paused) return;
    timer = setTimeout(() => {
      timer = 0;
      const late = remaining(song) - HAND_OVER_S;
      if (!song.mix.paused && current === song && !song.parts.solo && Math.abs(late) < 0.1) begin(next);
    }, 1000 * Math.max(0, left - HAND_OVER_S));
  });
}

// In real seconds.
function remaining(song) {
  const end = Number.isFinite(song.mix.duration) ? song.mix.duration : song.duration;
  return (end - song.mix.currentTime) / song.mix.playbackRate;
}

// Whether a song is about to end by itself, so that its last moment still sounds while the next one begins.
function isEnding(song) {
  return !song.mix.paused && remaining(song) < 0.2;
}

// Open and cue the song that the address names, so that one press plays it. What plays goes on.
function cue() {
  const song = songs.find(({ root }) => `#${root.id}` === location.hash);
  if (!song || songs.some(({ mix }) => !mix.paused)) return;
  song.mix.preload = "metadata";
  if (song.mix.currentTime > 0) song.mix.currentTime = 0;
  current = song;
  for (const each of songs) show(each);
}

one("button.all")?.addEventListener("click", () => begin(songs[0]));
window.addEventListener("hashchange", cue);
cue();
