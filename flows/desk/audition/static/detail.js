// What is known of the candidate that sounds, and the buttons that decide. A blind session shows nothing of it.
import { make, nameOf } from "./takes.js";

const SAID = { pick: "picked", reject: "rejected", withdraw: "took that back", note: "noted" };

export class Detail {
  constructor(page) {
    this.page = page;
    this.root = page.part(".detail");
    this.note = this.root.querySelector("[name=note]");
  }

  show(take) {
    const { hidden } = this.page.doc;
    this.root.hidden = hidden || !take;
    this.page.part(".retake").hidden = hidden || !take;
    if (this.root.hidden) return;
    this.root.querySelector("h2").textContent = `${nameOf(take)} (${take.candidate})`;
    this.root.querySelector(".sentence").textContent = [take.sentence, ...(take.warnings ?? [])].filter(Boolean).join(" ");
    this.showButtons(take);
    this.root.querySelector(".opinions").replaceChildren(...take.reviews.map(reviewItem));
    this.root.querySelector(".scores").hidden = !take.gates;
    this.root.querySelector(".gates").replaceChildren(...(take.gates ?? []).map(gateRow));
    this.root.querySelector(".readings").replaceChildren(...(take.readings ?? []).map(readingRow));
  }

  showButtons(take) {
    const button = (act) => this.root.querySelector(`[data-act=${act}]`);
    button("pick").setAttribute("aria-pressed", String(Boolean(take.picked)));
    button("reject").setAttribute("aria-pressed", String(Boolean(take.rejected)));
    button("unpick").hidden = !take.picked && !take.rejected;
  }

  takeNote() {
    const words = this.note.value.trim();
    this.note.value = "";
    return words;
  }
}

function reviewItem({ kind, by, at, note }) {
  const item = make("li");
  const time = make("time", "", `${at.slice(0, 16).replace("T", " ")} UTC`);
  time.dateTime = at;
  item.append(make("bdi", "by", by), ` ${SAID[kind]} · `, time);
  if (note) item.append(make("p", "remark", note));
  return item;
}

function row(name, ...texts) {
  const line = document.createElement("tr");
  const head = make("th", "", name);
  head.scope = "row";
  line.append(head, ...texts.map((text) => make("td", "", text)));
  return line;
}

function gateRow({ label, text, limit, passed }) {
  const line = row(label, text, limit, passed ? "passed" : "failed");
  line.className = passed ? "passed" : "failed";
  return line;
}

function readingRow({ label, text, reason, share }) {
  return row(label, reason ? `${text}: ${reason}` : text, share == null ? "" : `${Math.round(share * 100)} of 100`);
}
