// The player: one audio graph, fed with blocks of one second of every sound that may be chosen next.
const MOST_BYTES = 96e6; // samples kept for all sounds together
const AHEAD = 6;
const MOST_WARM = 24; // sounds that are kept ready
const AT_ONCE = 4; // requests
const BYTES_OF_FRAME = 8;
const TRIES = 3;

export class Player extends EventTarget {
  // `fetchBlock(sound, rate, number, signal)` gives {channels: [left, right], length} (length of the sound in frames).
  constructor({ mixerAddress, fetchBlock, rate, makeContext = (options) => new AudioContext(options) }) {
    super();
    Object.assign(this, { mixerAddress, fetchBlock, rate, makeContext });
    this.context = null;
    this.node = null;
    this.starting = null;
    this.sounds = []; // ids in the order in which they are shown
    this.chosen = null;
    this.isPlaying = false; // what was asked for; the mixer follows
    this.state = { frame: 0, at: 0, playing: false, waiting: false, sound: null };
    this.span = null; // the loop, in frames
    this.kept = new Map(); // sound -> numbers of blocks that the mixer has
    this.asked = new Set();
    this.failed = new Map();
    this.marks = new Map();
    this.mark = 0;
  }

  // Seconds of the song that are heard now.
  get position_s() {
    const { frame, at, playing, waiting } = this.state;
    if (!this.context || !playing || waiting) return frame / this.rate;
    const late_s = this.context.outputLatency || this.context.baseLatency || 0;
    const since = Math.max(0, this.context.currentTime * this.rate - at - late_s * this.rate);
    const now = frame + Math.min(since, this.rate / 4);
    return (this.span && now > this.span.to ? this.span.from + (now - this.span.to) : now) / this.rate;
  }

  // Makes the audio graph; a browser allows sound only after a press.
  start() {
    this.starting ??= this.build();
    if (this.context?.state === "suspended") this.context.resume().catch(() => {});
    return this.starting;
  }

  async build() {
    this.context = this.makeContext({ sampleRate: this.rate, latencyHint: "interactive" });
    await this.context.audioWorklet.addModule(this.mixerAddress);
    this.node = new AudioWorkletNode(this.context, "audition-mixer", { numberOfInputs: 0, outputChannelCount: [2] });
    this.node.port.onmessage = ({ data }) => this.receive(data);
    this.node.connect(this.context.destination);
    if (this.chosen) this.send({ type: "choose", ...this.chosen, mark: 0 });
    this.send({ type: "seek", frame: this.state.frame });
    if (this.span) this.send({ type: "loop", ...this.span });
  }

  send(message, transfer = []) {
    this.node?.port.postMessage(message, transfer);
  }

  // Which sounds may be chosen next: they are kept ready around the position.
  offer(sounds) {
    this.sounds = sounds;
    this.feed();
  }

  // Changes what sounds; `related` where it is the same music (another gain, before and after mastering).
  choose(sound, gain, { related = false } = {}) {
    if (this.chosen?.sound === sound && this.chosen.gain === gain) return;
    this.chosen = { sound, gain, related };
    this.mark += 1;
    this.marks.set(this.mark, performance.now());
    this.send({ type: "choose", sound, gain, related, mark: this.mark });
    this.feed();
  }

  async play() {
    this.isPlaying = true;
    await this.start();
    if (!this.isPlaying) return;
    this.send({ type: "play", playing: true });
    this.feed();
    this.changed();
  }

  pause() {
    this.isPlaying = false;
    this.send({ type: "play", playing: false });
    this.changed();
  }

  seek(s) {
    const frame = Math.max(0, Math.round(s * this.rate));
    this.state = { ...this.state, frame, at: (this.context?.currentTime ?? 0) * this.rate };
    this.send({ type: "seek", frame });
    this.feed();
    this.changed();
  }

  loop(from_s, to_s) {
    this.span = from_s === null ? null : { from: Math.round(from_s * this.rate), to: Math.round(to_s * this.rate) };
    this.send({ type: "loop", from: this.span?.from ?? 0, to: this.span?.to ?? 0 });
    this.feed();
  }

  receive(data) {
    if (data.type === "state") {
      const { type, ...state } = data;
      this.state = state;
      this.feed();
      this.changed();
    } else if (data.type === "heard") {
      const pressed_ms = this.marks.get(data.mark);
      this.marks.delete(data.mark);
      const late_ms = (this.context.currentTime - data.at / this.rate) * 1000; // rendered, while this message came
      this.dispatchEvent(new CustomEvent("heard", { detail: { ...data, pressed_ms, late_ms } }));
    } else if (data.type === "ended") {
      this.isPlaying = false;
      this.changed();
    }
  }

  changed() {
    this.dispatchEvent(new CustomEvent("state"));
  }

  // The sounds that are kept ready: the chosen one first, then those nearest to it in the list.
  warm() {
    const at = Math.max(0, this.sounds.indexOf(this.chosen?.sound));
    const near = [...this.sounds.keys()].sort((one, other) => Math.abs(one - at) - Math.abs(other - at));
    const chosen = this.chosen ? [this.chosen.sound] : [];
    return [...new Set([...chosen, ...near.map((place) => this.sounds[place])])].slice(0, MOST_WARM);
  }

  // The blocks that the position needs soon, the next second of every sound before the one after it.
  wanted() {
    const warm = this.warm();
    const here = Math.floor(this.state.frame / this.rate);
    const most = Math.floor(MOST_BYTES / (Math.max(1, warm.length) * this.rate * BYTES_OF_FRAME));
    const ahead = Math.min(AHEAD, Math.max(2, most - 2));
    const last = this.span ? Math.floor(this.span.to / this.rate) : Infinity;
    const numbers = [...Array(ahead).keys()].map((nth) => here + nth).filter((number) => number <= last);
    if (this.span) for (const nth of [0, 1]) numbers.push(Math.floor(this.span.from / this.rate) + nth);
    return numbers.flatMap((number) => warm.map((sound) => [sound, number]));
  }

  feed() {
    if (!this.node) return;
    const wanted = this.wanted();
    this.forget(wanted);
    const [first] = wanted; // what is to sound now comes before what may be chosen next
    const isHere = !first || this.kept.get(first[0])?.has(first[1]);
    for (const [sound, number] of isHere ? wanted : wanted.filter((each) => each[0] === first[0])) {
      if (this.asked.size >= AT_ONCE) return;
      const key = `${sound} ${number}`;
      if (this.kept.get(sound)?.has(number) || this.asked.has(key) || (this.failed.get(key) ?? 0) >= TRIES) continue;
      this.asked.add(key);
      this.fetch(sound, number, key);
    }
  }

  async fetch(sound, number, key) {
    try {
      const { channels, length } = await this.fetchBlock(sound, this.rate, number);
      if (!this.kept.has(sound)) this.kept.set(sound, new Set());
      this.kept.get(sound).add(number);
      this.send({ type: "block", sound, number, channels, length }, channels.map(({ buffer }) => buffer));
    } catch (error) {
      const tries = (this.failed.get(key) ?? 0) + 1;
      this.failed.set(key, tries);
      if (tries === TRIES) this.dispatchEvent(new CustomEvent("trouble", { detail: { sound, error } }));
    } finally {
      this.asked.delete(key);
      this.feed();
    }
  }

  forget(wanted) {
    const here = Math.floor(this.state.frame / this.rate);
    const needed = new Set(wanted.map(([sound, number]) => `${sound} ${number}`));
    const keys = [];
    for (const [sound, numbers] of this.kept) {
      for (const number of numbers) {
        if (needed.has(`${sound} ${number}`) || (number === here - 1 && sound === this.chosen?.sound)) continue;
        numbers.delete(number);
        keys.push([sound, number]);
      }
    }
    if (keys.length) this.send({ type: "forget", keys });
  }
}
