// The click: bursts of an oscillator that are scheduled a little ahead of the master, accented on the first beat.
const CLICK_EVERY_MS = 25;
const CLICK_AHEAD_S = 0.4;
const CLICK_AHEAD_UNSEEN_S = 1.6; // a page that is not seen gets a turn once a second
const CLOCK_READINGS = 15;
const CLICK_S = 0.04;

const click = { on: false, timer: 0, song: null, scheduled: [], after: null, leads: [] };

function beatOf(root, duration) {
  const { bpm, firstBar } = root.dataset;
  return bpm ? { beat: 60 / Number(bpm), first: Number(firstBar), end: duration } : null;
}

function toggleClick(songs, pressed) {
  click.on = !click.on;
  beExact(pressed);
  for (const button of all(".parts .click")) button.setAttribute("aria-pressed", String(click.on));
  if (click.on) audioContext();
  else silenceClick();
  const song = songs.find(({ mix }) => !mix.paused);
  if (song) keepClick(song);
}

// Called whenever the song starts, stops, jumps or changes its speed.
function keepClick(song) {
  if (click.song && click.song !== song && song.mix.paused) return; // a song that stops as another one begins
  silenceClick();
  if (!click.on || !song.beat || song.mix.paused) return;
  beExact(song);
  click.song = song;
  click.timer = setInterval(scheduleClicks, CLICK_EVERY_MS);
  scheduleClicks();
}

function silenceClick() {
  clearInterval(click.timer);
  for (const oscillator of click.scheduled) oscillator.stop();
  Object.assign(click, { song: null, scheduled: [], after: null, leads: [] });
}

function scheduleClicks() {
  const { mix, beat } = click.song;
  if (mix.seeking || mix.readyState < 3) return;
  const context = audioContext();
  const rate = mix.playbackRate;
  // The clocks are read several times, as each reading is a few milliseconds off.
  click.leads.push(heardTime(context) - mix.currentTime / rate);
  if (click.leads.length > CLOCK_READINGS) click.leads.shift();
  const lead = mean(click.leads);
  const now = mix.currentTime;
  const until = now + (document.hidden ? CLICK_AHEAD_UNSEEN_S : CLICK_AHEAD_S) * rate;
  const from = click.after ?? now;
  for (let nth = Math.ceil((from - beat.first) / beat.beat); beat.first + nth * beat.beat < until; nth += 1) {
    const at = beat.first + nth * beat.beat;
    if (at < from || at >= beat.end) continue;
    burst(context, lead + at / rate, nth % 4 === 0);
  }
  click.after = Math.max(until, from);
}

// The time of the context's sound that is heard now, which is earlier than the one that is being computed.
function heardTime(context) {
  const { contextTime, performanceTime } = context.getOutputTimestamp?.() ?? {};
  if (contextTime > 0) return contextTime + (performance.now() - performanceTime) / 1000;
  return context.currentTime - (context.outputLatency || context.baseLatency || 0);
}

function burst(context, at, accented) {
  if (at < context.currentTime - CLICK_S / 2) return;
  const start = Math.max(at, context.currentTime);
  const oscillator = new OscillatorNode(context, { type: "triangle", frequency: accented ? 1760 : 1175 });
  const loudness = new GainNode(context, { gain: 0 });
  loudness.gain.setValueAtTime(accented ? 0.5 : 0.3, start);
  loudness.gain.exponentialRampToValueAtTime(0.001, start + CLICK_S);
  oscillator.connect(loudness).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(start + CLICK_S);
  click.scheduled.push(oscillator);
  oscillator.addEventListener("ended", () => {
    click.scheduled = click.scheduled.filter((each) => each !== oscillator);
  });
}
