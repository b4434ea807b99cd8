// Votes of a blind listening: of two, or of all. A vote names the best first.
import { post, say } from "../desk/desk.js";
import { make } from "./takes.js";

export class Ballot {
  constructor(page) {
    this.page = page;
    this.root = page.part(".voting");
    this.question = this.root.querySelector(".question");
    this.holder = this.root.querySelector(".ballot");
    this.voted = this.root.querySelector(".voted");
    this.pair = 0;
    this.order = []; // of all: the candidates that have a place, the best first
    this.count = 0;
    this.sending = false;
  }

  get isPairwise() {
    return this.page.doc.mode === "pairs";
  }

  // The candidates that are compared now.
  shown() {
    const { pairs, takes } = this.page.doc;
    return this.isPairwise ? (pairs[this.pair] ?? []) : takes.map(({ id }) => id);
  }

  label(id) {
    return this.page.take(id).label;
  }

  show() {
    this.root.hidden = !this.page.doc.hidden;
    if (this.root.hidden) return;
    if (this.isPairwise) this.showPair();
    else this.showAll();
  }

  showPair() {
    const pair = this.shown();
    if (!pair.length) {
      this.question.textContent = "All pairs are compared. Reveal them, or begin again.";
      this.holder.replaceChildren();
      return;
    }
    const [one, other] = pair.map((id) => this.label(id));
    this.question.textContent = `Which one is better: ${one} or ${other}? (pair ${this.pair + 1} of ${this.page.doc.pairs.length})`;
    this.holder.replaceChildren(
      ...pair.map((id) => this.button(`${this.label(id)} is better`, () => this.vote([id]))),
      this.button("Skip this pair", () => this.next()),
    );
  }

  showAll() {
    this.question.textContent = "Choose the best, then the next best if you like; then vote.";
    const buttons = this.shown().map((id) => {
      const place = this.order.indexOf(id) + 1;
      const button = this.button(place ? `${this.label(id)}: place ${place}` : this.label(id), () => this.place(id));
      button.setAttribute("aria-pressed", String(place > 0));
      return button;
    });
    const send = this.button("Vote", () => this.vote(this.order));
    send.disabled = !this.order.length;
    send.classList.add("send");
    this.refill([...buttons, send]);
  }

  // The focus stays on the same button.
  refill(buttons) {
    const at = [...this.holder.children].indexOf(document.activeElement);
    this.holder.replaceChildren(...buttons);
    if (at >= 0) (buttons[at].disabled ? buttons[0] : buttons[at]).focus({ preventScroll: true });
  }

  button(text, action) {
    const button = make("button", "act", text);
    button.type = "button";
    button.addEventListener("click", () => this.page.attempt(async () => action()));
    return button;
  }

  place(id) {
    this.order = this.order.includes(id) ? this.order.filter((each) => each !== id) : [...this.order, id];
    this.showAll();
  }

  next() {
    this.pair += 1;
    this.showPair();
    this.page.showList();
  }

  // For what sounds: by the key.
  async voteForSounding() {
    const { at, doc } = this.page;
    if (doc.hidden && this.shown().includes(at)) await this.vote([at]);
  }

  async vote(order) {
    if (this.sending) return;
    const { page } = this;
    const { matched, stage, stem } = page;
    this.sending = true;
    try {
      const body = { shown: this.shown(), order, matched, stage, stem: stem || null };
      await post(`/api/audition/${page.doc.session}/votes`, body);
    } finally {
      this.sending = false;
    }
    this.count += 1;
    this.voted.textContent = `${this.count === 1 ? "One vote is" : `${this.count} votes are`} stored.`;
    this.order = [];
    if (this.isPairwise) this.next();
    else this.showAll();
    say("Vote stored.");
  }
}
