// The keyboard, and the buttons that do the same.
export function listenToKeys(page, attempt) {
  const dialog = page.part("dialog.keys");
  const note = page.part("[name=note]");
  const acts = {
    pick: () => page.decide("pick", page.takeNote()),
    unpick: () => page.decide("unpick", page.takeNote()),
    reject: () => page.decide("reject", page.takeNote()),
    note: () => page.decide("note", page.takeNote()),
    blind: () => page.openBlind(page.doc.mode === "open" ? "all" : "open"),
    open: () => page.openBlind("open"),
    pairs: () => page.openBlind("pairs"),
    reveal: () => page.reveal(),
    help: () => dialog.showModal(),
  };
  for (const [act, action] of Object.entries(acts)) {
    for (const button of page.root.querySelectorAll(`[data-act=${act}]`)) {
      button.addEventListener("click", () => attempt(async () => action()));
    }
  }

  const keys = {
    " ": () => page.toggle(),
    ArrowUp: () => page.hearNext(-1),
    ArrowDown: () => page.hearNext(1),
    ArrowLeft: (event) => (event.shiftKey ? page.seekBy(-5) : page.jump(-1)),
    ArrowRight: (event) => (event.shiftKey ? page.seekBy(5) : page.jump(1)),
    l: () => page.controls.nextLoop(),
    t: () => page.controls.nextStage(),
    s: () => page.controls.nextStem(),
    m: () => page.controls.setMatched(!page.matched),
    b: acts.blind,
    v: () => page.voteForSounding(),
    p: () => !page.doc.hidden && acts.pick(),
    r: () => !page.doc.hidden && acts.reject(),
    u: () => !page.doc.hidden && acts.unpick(),
    n: () => !page.doc.hidden && note.focus(),
    "[": () => page.markEnd("from"),
    "]": () => page.markEnd("to"),
    "?": acts.help,
  };
  const slides = { Home: () => page.seek(0), End: () => page.seek(Infinity), PageUp: () => page.seekBy(-30), PageDown: () => page.seekBy(30) };

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || dialog.open || event.isComposing) return;
    const action = actionOf(event);
    if (!action || !page.player) return;
    event.preventDefault();
    attempt(async () => action(event));
  });

  // After a click the space bar plays and pauses again; who moves by keyboard keeps the focus.
  document.addEventListener("click", (event) => event.detail && event.target.closest("button, summary, [type=radio], [type=checkbox]")?.blur());

  note.addEventListener("keydown", (event) => {
    if (event.key === "Enter") attempt(acts.note);
  });

  function actionOf(event) {
    const { target } = event;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (target.closest("input:not([type=checkbox], [type=radio]), textarea, select")) return null;
    const isPressed = target.closest("button, summary, a, input");
    if (isPressed && (key === " " || key === "Enter")) return null; // a button's own key
    if (target.closest("[type=radio], .form, .chart .lyrics, .tables") && key.startsWith("Arrow")) return null;
    if (/^[0-9]$/.test(key)) return () => hearNumber(Number(key));
    if (target.closest(".scope") && slides[key]) return slides[key];
    return keys[key] ?? null;
  }

  function hearNumber(number) {
    const take = page.listed()[number === 0 ? 9 : number - 1];
    if (take) page.hear(take.id);
  }
}
