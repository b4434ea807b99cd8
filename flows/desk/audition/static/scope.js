// The waveform: the position as a slider, the loop, and a passage that is marked by dragging.
const DRAG_PX = 6;
export const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

export class Scope {
  constructor(root, { seek, markPassage }) {
    this.root = root;
    this.duration = 0;
    this.waves = [...root.querySelectorAll(".wave")];
    this.ticks = root.querySelector(".ticks");
    this.loopBox = root.querySelector(".loop");
    this.passageBox = root.querySelector(".passage");
    this.shown = -1;
    this.listen(seek, markPassage);
  }

  listen(seek, markPassage) {
    let from = null;
    this.root.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.root.setPointerCapture(event.pointerId);
      from = { x: event.clientX, s: this.at(event), drags: false };
    });
    this.root.addEventListener("pointermove", (event) => {
      if (!from || !this.root.hasPointerCapture(event.pointerId)) return;
      from.drags ||= Math.abs(event.clientX - from.x) > DRAG_PX;
      if (from.drags) markPassage(...[from.s, this.at(event)].sort((one, other) => one - other));
    });
    this.root.addEventListener("pointerup", (event) => {
      if (from && !from.drags) seek(this.at(event));
      from = null;
    });
    this.root.addEventListener("pointercancel", () => (from = null));
  }

  at(event) {
    const box = this.root.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.duration;
  }

  draw({ waveform, duration_s }) {
    this.duration = duration_s;
    for (const wave of this.waves) wave.setAttribute("d", waveform);
    this.root.setAttribute("aria-valuemax", duration_s.toFixed(1));
    this.shown = -1;
  }

  drawLines(starts) {
    const x = (s) => ((s / (this.duration || 1)) * 1000).toFixed(1);
    this.ticks.setAttribute("d", starts.map((s) => `M${x(s)} 100v-6`).join(""));
  }

  move(s) {
    this.root.style.setProperty("--at", Math.min(1, s / (this.duration || 1)));
    const whole = Math.floor(s);
    if (whole === this.shown) return;
    this.shown = whole; // a screen reader is not told more often than once a second
    this.root.setAttribute("aria-valuenow", s.toFixed(1));
    this.root.setAttribute("aria-valuetext", `${clock(s)} of ${clock(this.duration)}`);
  }

  showSpan(box, span) {
    box.hidden = !span;
    if (!span) return;
    box.style.left = `${(span.from_s / (this.duration || 1)) * 100}%`;
    box.style.width = `${((span.to_s - span.from_s) / (this.duration || 1)) * 100}%`;
  }

  showLoop(span) {
    this.showSpan(this.loopBox, span);
  }

  showPassage(span) {
    this.showSpan(this.passageBox, span);
  }
}
