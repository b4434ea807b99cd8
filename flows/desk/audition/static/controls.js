// Take or master, mix or stem, equally loud or not, and the loop.
import { say } from "../desk/desk.js";

const LOOPS = ["", "line", "section", "passage"];
const STEM = "stem/";

export class Controls {
  constructor(page, { chart, scope }) {
    Object.assign(this, { page, chart, scope });
    this.stages = [...page.root.querySelectorAll("[name=stage]")];
    this.stem = page.part("[name=part]");
    this.matched = page.part("[name=matched]");
    this.loop = page.part("[name=loop]");
    for (const input of this.stages) input.addEventListener("change", () => this.setStage(input.value));
    this.stem.addEventListener("change", () => this.setStem(this.stem.value));
    this.matched.addEventListener("change", () => this.setMatched(this.matched.checked));
    this.loop.addEventListener("change", () => this.setLoop(this.loop.value));
  }

  // Offer what the candidates have.
  show() {
    const names = this.stemNames();
    const shown = [...this.stem.options].slice(1).map(({ value }) => value);
    if (names.join() !== shown.join()) {
      this.stem.replaceChildren(new Option("Mix", ""), ...names.map((name) => new Option(name, name)));
      this.page.stem = names.includes(this.page.stem) ? this.page.stem : "";
      this.stem.value = this.page.stem;
    }
    this.page.part(".part").hidden = names.length === 0;
    this.page.part(".stages").hidden = !this.hasMaster();
  }

  hasMaster() {
    return this.page.audible().some(({ sounds }) => sounds.master);
  }

  stemNames() {
    const parts = this.page.audible().flatMap(({ sounds }) => Object.keys(sounds));
    return [...new Set(parts.filter((part) => part.startsWith(STEM)))].map((part) => part.slice(STEM.length));
  }

  setStage(stage) {
    this.page.stage = stage;
    for (const input of this.stages) input.checked = input.value === stage;
    this.page.again();
  }

  nextStage() {
    if (this.hasMaster()) this.setStage(this.page.stage === "mix" ? "master" : "mix");
  }

  setStem(stem) {
    this.page.stem = stem;
    this.stem.value = stem;
    this.page.again();
  }

  nextStem() {
    const names = ["", ...this.stemNames()];
    this.setStem(names[(names.indexOf(this.page.stem) + 1) % names.length]);
  }

  setMatched(matched) {
    this.page.matched = matched;
    this.matched.checked = matched;
    this.page.again();
  }

  nextLoop() {
    const order = LOOPS.filter((kind) => kind !== "passage" || this.page.passage);
    this.setLoop(order[(order.indexOf(this.loop.value) + 1) % order.length]);
    say(this.loop.value ? `Loop: ${this.loop.value}` : "No loop");
  }

  setLoop(kind) {
    const { page, chart } = this;
    const s = page.player.position_s;
    const spans = { line: () => chart.lineAt(s), section: () => chart.sectionAt(s), passage: () => page.passage };
    page.span = spans[kind]?.() ?? null;
    this.loop.value = page.span ? kind : "";
    page.player.loop(page.span?.from_s ?? null, page.span?.to_s);
    this.scope.showLoop(page.span);
  }
}
