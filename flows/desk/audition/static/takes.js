// The list of candidates: one row each, changed in place so that the focus stays where it is.
export const make = (tag, className = "", text = "") => {
  const element = document.createElement(tag);
  element.className = className;
  if (text) element.textContent = text;
  return element;
};

export class Takes {
  constructor(list, { choose }) {
    Object.assign(this, { list, choose, rows: new Map() });
  }

  show(takes, chosen) {
    const ids = new Set(takes.map(({ id }) => id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      row.item.remove();
      this.rows.delete(id);
    }
    takes.forEach((take, place) => {
      const row = this.rows.get(take.id) ?? this.add(take);
      if (this.list.children[place] !== row.item) this.list.insertBefore(row.item, this.list.children[place] ?? null);
      this.fill(row, take, place);
    });
    this.mark(chosen);
  }

  add(take) {
    const item = make("li", "take");
    const button = make("button", "hear");
    button.type = "button";
    button.addEventListener("click", () => this.choose(take.id));
    const row = { item, button, number: make("span", "number"), name: make("bdi", "name"), rank: make("span", "rank") };
    row.facts = make("span", "facts");
    row.standing = make("span", "standing");
    button.append(row.number, row.rank, row.name, row.facts, row.standing);
    item.append(button);
    this.rows.set(take.id, row);
    return row;
  }

  fill(row, take, place) {
    const key = place < 10 ? String((place + 1) % 10) : "";
    const text = (element, value) => {
      if (element.textContent !== value) element.textContent = value;
    };
    text(row.number, key);
    text(row.name, nameOf(take));
    text(row.rank, take.rank ? `#${take.rank}` : "");
    text(row.facts, factsOf(take));
    text(row.standing, standingOf(take));
    row.item.classList.toggle("winner", Boolean(take.chosen));
    row.item.classList.toggle("rejected", Boolean(take.rejected));
    row.button.disabled = !take.sounds?.mix;
    if (key) row.button.setAttribute("aria-keyshortcuts", key);
  }

  mark(chosen) {
    for (const [id, row] of this.rows) row.button.setAttribute("aria-pressed", String(id === chosen));
  }
}

export function nameOf(take) {
  if (take.label && take.name) return `${take.label}: ${take.name}`;
  return take.label ?? take.name;
}

function factsOf(take) {
  if (!take.gates) return "";
  const failed = take.gates.filter(({ passed }) => !passed);
  const gates = failed.length ? `fails ${failed.map(({ label }) => label.toLowerCase()).join(", ")}` : "passes all gates";
  return [take.score === null ? "not ranked" : `score ${take.score.toFixed(3)}`, gates].join(" · ");
}

function standingOf(take) {
  const pick = take.reviews?.findLast(({ kind }) => kind === "pick");
  const rejection = take.reviews?.findLast(({ kind }) => kind === "reject");
  return [
    take.picked && pick ? `picked by ${pick.by}` : "",
    take.rejected && rejection ? `rejected by ${rejection.by}` : "",
    take.chosen && !take.picked ? "chosen by the policy" : "",
    take.parent ? `retake of ${take.parent}` : "",
    take.state === "rendered" ? (take.sounds?.mix ? "" : "audio pruned") : take.state,
    take.state === "rendered" && take.candidate && !take.gates ? "not decided yet" : "",
    take.failure ?? "",
  ]
    .filter(Boolean)
    .join(" · ");
}
