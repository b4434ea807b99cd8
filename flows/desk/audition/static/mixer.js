// Plays one of several sounds from one position that all share, so that a change of sound keeps it to the sample.
//
// A voice reads a sound from a frame on. Every change (another sound, place or gain, pause, the seam of a loop) lets the
// voice that sounds fade out, and begins another that fades in: nothing ever clicks, and the position goes on.
const FADE_S = 0.005;
const STATE_EVERY = 4; // quanta of 128 frames: about 11 ms
const MOST_FADING = 6;

class Voice {
  constructor(sound, frame, gain, related) {
    Object.assign(this, { sound, frame, gain, related, level: 0, step: 1, number: -1, block: null });
  }

  // Sounds that are alike add up by their amplitudes, others by their powers.
  get amplitude() {
    return this.gain * (this.related ? this.level : Math.sin((this.level * Math.PI) / 2));
  }
}

class Mixer extends AudioWorkletProcessor {
  constructor() {
    super();
    this.blocks = new Map(); // by sound, then by number
    this.lengths = new Map(); // in frames
    this.length = sampleRate; // frames of a block
    this.fade = Math.max(1, Math.round(FADE_S * sampleRate));
    this.voice = null;
    this.fading = [];
    this.chosen = null;
    this.gain = 1;
    this.frame = 0;
    this.loop = null;
    this.playing = false;
    this.waiting = false;
    this.quanta = 0;
    this.tell = true;
    this.unheard = null; // the change whose first sample is still to sound
    this.port.onmessage = ({ data }) => this[`on_${data.type}`]?.(data);
  }

  on_block({ sound, number, channels, length }) {
    if (!this.blocks.has(sound)) this.blocks.set(sound, new Map());
    this.blocks.get(sound).set(number, channels);
    this.lengths.set(sound, length);
  }

  on_forget({ keys }) {
    for (const [sound, number] of keys) this.blocks.get(sound)?.delete(number);
  }

  on_choose({ sound, gain, related, mark }) {
    this.chosen = sound;
    this.gain = gain;
    this.related = Boolean(related);
    this.unheard = { mark, sound };
    this.tell = true;
  }

  on_play({ playing }) {
    this.playing = playing;
    if (!playing) this.release();
    this.tell = true;
  }

  on_seek({ frame }) {
    this.frame = Math.max(0, Math.round(frame));
    this.release();
    this.tell = true;
  }

  on_loop({ from, to }) {
    this.loop = to > from ? { from: Math.round(from), to: Math.round(to) } : null;
  }

  release() {
    if (!this.voice) return;
    this.voice.step = -1;
    this.fading.push(this.voice);
    if (this.fading.length > MOST_FADING) this.fading.shift();
    this.voice = null;
  }

  begin() {
    this.release();
    this.voice = new Voice(this.chosen, this.frame, this.gain, this.related);
    for (const other of this.fading) other.related = this.related;
    if (!this.unheard) return;
    const { mark, sound } = this.unheard;
    this.unheard = null;
    this.port.postMessage({ type: "heard", mark, sound, frame: this.frame, at: currentFrame + this.offset });
  }

  blockOf(voice) {
    const number = Math.floor(voice.frame / this.length);
    if (voice.number !== number || !voice.block) {
      voice.number = number;
      voice.block = this.blocks.get(voice.sound)?.get(number) ?? null;
    }
    return voice.block;
  }

  isHere(voice) {
    return Boolean(this.blockOf(voice)) || voice.frame >= (this.lengths.get(voice.sound) ?? Infinity);
  }

  // Whether a sound that is not heard yet could begin now.
  isReady(sound) {
    if (this.frame >= (this.lengths.get(sound) ?? Infinity)) return true; // it is over
    return Boolean(this.blocks.get(sound)?.get(Math.floor(this.frame / this.length)));
  }

  // The sound that was chosen last begins as soon as its samples are here; until then the one before goes on.
  settle() {
    const { voice } = this;
    const changes = !voice || voice.sound !== this.chosen || voice.gain !== this.gain;
    if (changes && this.chosen !== null && this.isReady(this.chosen)) this.begin();
  }

  process(_, [output]) {
    this.offset = 0;
    for (; this.offset < output[0].length; this.offset += 1) this.sample(output, this.offset);
    this.quanta += 1;
    if (this.tell || (this.playing && this.quanta % STATE_EVERY === 0)) this.report();
    return true;
  }

  sample(output, at) {
    let left = 0;
    let right = 0;
    if (this.playing) {
      if (this.loop && this.frame === this.loop.to) {
        this.frame = this.loop.from;
        this.related = false;
        this.release();
      }
      this.settle();
      this.waiting = !this.voice || !this.isHere(this.voice);
      if (this.waiting) this.release();
      else {
        const [l, r] = this.read(this.voice);
        left += l;
        right += r;
        this.frame += 1;
        if (this.frame >= this.lengths.get(this.voice.sound)) this.end();
      }
    }
    for (const voice of this.fading) {
      const [l, r] = this.read(voice);
      left += l;
      right += r;
    }
    if (this.fading.length) this.fading = this.fading.filter(({ level }) => level > 0);
    output[0][at] = left;
    if (output[1]) output[1][at] = right;
  }

  // Takes one frame of a voice; silence where its samples are not here.
  read(voice) {
    const block = this.blockOf(voice);
    const place = voice.frame - voice.number * this.length;
    const { amplitude } = voice;
    voice.frame += 1;
    voice.level = Math.min(1, Math.max(0, voice.level + voice.step / this.fade));
    if (!block || place >= block[0].length) return SILENCE;
    PAIR[0] = block[0][place] * amplitude;
    PAIR[1] = block[1][place] * amplitude;
    return PAIR;
  }

  end() {
    if (this.loop && this.frame < this.loop.to) {
      this.frame = this.loop.to; // a loop to a place after the end
      return;
    }
    if (this.loop && this.frame === this.loop.to) return;
    this.playing = false;
    this.release();
    this.port.postMessage({ type: "ended" });
    this.tell = true;
  }

  report() {
    const { frame, playing, waiting, chosen } = this;
    const sound = this.voice?.sound ?? null;
    this.tell = false;
    this.port.postMessage({ type: "state", frame, playing, waiting, chosen, sound, at: currentFrame + this.offset });
  }
}

const SILENCE = [0, 0];
const PAIR = [0, 0];

registerProcessor("audition-mixer", Mixer);
