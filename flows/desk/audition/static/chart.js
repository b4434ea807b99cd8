// The words, chords and sections of the candidate that sounds; they follow as on the page of a release.
import { formOf, listenToWords, one, showForm, showWords, wordsOf } from "/audition/words.js";
import { getJson } from "./api.js";

const CLOSE_S = 0.05;
const RECENT_S = 1; // a jump back within a line goes to the line before it only at its beginning

export class Chart {
  constructor(page) {
    this.page = page;
    this.holder = page.part(".chart");
    this.charts = new Map();
    this.name = null;
    this.song = null;
    this.sections = [];
  }

  async load(name) {
    if (!this.charts.has(name)) this.charts.set(name, getJson(`/api/audition/${this.page.doc.session}/words/${name}`));
    return this.charts.get(name);
  }

  async show(take, duration_s) {
    const { words: name } = take;
    if (name === this.name && this.song?.duration === duration_s) return;
    const { html, sections } = await this.load(name);
    if (this.page.take()?.words !== name) return; // another candidate was chosen meanwhile
    if (name !== this.name) this.holder.innerHTML = html; // the server escapes every text
    this.page.part(".words").hidden = !html;
    this.sections = sections;
    this.fillForm(sections);
    const isNew = name !== this.name;
    this.name = name;
    this.song = this.songOf(duration_s, isNew ? null : this.song.words);
    if (isNew) listenToWords(this.song);
  }

  // What the scripts of a release's page know of a song.
  songOf(duration, words) {
    const { page } = this;
    const song = {
      root: page.root,
      title: page.doc.title,
      duration,
      words: words ?? wordsOf(page.root),
      section: undefined,
      mix: { get paused() { return !page.player?.isPlaying; } },
      seek: (s) => page.seek(s),
      play: () => page.play(),
    };
    song.form = formOf(song);
    return song;
  }

  fillForm(sections) {
    const before = this.page.part(".form");
    const bar = before.cloneNode(false);
    for (const { start_s, end_s, label, colour } of sections) {
      const button = document.createElement("button");
      const name = document.createElement("span");
      name.textContent = label;
      button.type = "button";
      if (colour) button.className = colour;
      Object.assign(button.dataset, { start: start_s, end: end_s });
      button.setAttribute("aria-label", `Section ${label}`);
      button.append(name);
      bar.append(button);
    }
    bar.hidden = sections.length === 0;
    before.replaceWith(bar);
  }

  move(s) {
    if (!this.song) return;
    if (this.song.words.list) showWords(this.song, s);
    showForm(this.song, s);
  }

  follow() {
    if (this.song) this.song.words.follows = true;
  }

  lines() {
    const lines = this.song?.words.lines ?? [];
    return lines.filter(({ item }) => !item.classList.contains("rest"));
  }

  starts() {
    return this.lines().map(({ start }) => start);
  }

  lineBeside(s, way) {
    const starts = this.starts();
    return way > 0 ? starts.find((start) => start > s + CLOSE_S) : starts.findLast((start) => start < s - RECENT_S);
  }

  // The line at a moment, up to where the next one, or a rest, begins.
  lineAt(s) {
    const line = this.lines().findLast(({ start }) => start <= s + CLOSE_S) ?? this.lines()[0];
    if (!line) return null;
    const next = this.song.words.lines.find(({ start }) => start > line.start + CLOSE_S);
    return { from_s: line.start, to_s: next?.start ?? this.song.duration };
  }

  sectionAt(s) {
    const section = this.sections.findLast(({ start_s }) => start_s <= s + CLOSE_S) ?? this.sections[0];
    return section ? { from_s: section.start_s, to_s: section.end_s } : null;
  }

  // The words of the lines that begin in a passage; all words where nothing says which of them are in it.
  textIn({ from_s, to_s }) {
    const every = [...this.holder.querySelectorAll("li:not(.section, .rest, .passage) bdi")];
    if (!this.page.take()?.words_timed) return every.map((bdi) => bdi.textContent.trim()).join("\n");
    const inside = this.lines().filter(({ start, item }) => from_s <= start && start < to_s && !item.matches(".passage"));
    return inside.map(({ item }) => one("bdi", item).textContent.trim()).join("\n");
  }

}
