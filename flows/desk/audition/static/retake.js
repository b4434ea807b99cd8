// A passage that is to be rendered again, with other words if wanted.
import { post } from "../desk/desk.js";

export class Retake {
  constructor(page, { lines, attempt }) {
    Object.assign(this, { page, lines });
    this.form = page.part(".passage-form");
    this.sent = page.part(".retake .sent");
    this.before = "";
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(() => this.send());
    });
    for (const name of ["from_s", "to_s"]) this.field(name).addEventListener("change", () => this.typed());
  }

  field(name) {
    return this.form.elements.namedItem(name);
  }

  show(passage) {
    if (!passage) return;
    this.field("from_s").value = passage.from_s.toFixed(2);
    this.field("to_s").value = passage.to_s.toFixed(2);
    const isChanged = this.field("words").value !== this.before;
    this.before = this.lines(passage);
    if (!isChanged) this.field("words").value = this.before;
    this.field("words").placeholder = this.before ? "" : "No line begins in this passage";
  }

  typed() {
    const [from_s, to_s] = ["from_s", "to_s"].map((name) => Number(this.field(name).value));
    if (to_s > from_s) this.page.mark(from_s, to_s);
  }

  async send() {
    const { candidate } = this.page.take() ?? {};
    const [from_s, to_s, seeds] = ["from_s", "to_s", "seeds"].map((name) => Number(this.field(name).value));
    if (!candidate || !(to_s > from_s)) throw new Error("Mark a passage first.");
    const text = this.field("words").value.trim();
    const words = text && text !== this.before.trim() ? text : "";
    this.sent.textContent = "";
    await post(`/api/candidates/${encodeURIComponent(candidate)}/retake`, { from_s, to_s, words, seeds });
    this.sent.textContent = `Asked for ${seeds === 1 ? "one take" : `${seeds} takes`}; each appears in the list.`;
  }

  // How the work goes that was asked for, here or on another page.
  told({ kind, album, song, state, title, error, is_more: isMore }) {
    const { doc } = this.page;
    if (kind !== "retake" || album !== doc.album || song !== doc.song || isMore) return;
    const failure = error ? [error.what, error.remedy].filter(Boolean).join(". ") : "";
    this.sent.textContent = { running: `${title}: running.`, done: `${title}: done.`, failed: `${title}: ${failure}.` }[state];
  }
}
