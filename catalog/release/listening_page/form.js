// The bar of sections over the waveform: one stop of the Tab key, with the arrows from section to section.
function formOf(song) {
  const bar = one(".form", song.root);
  const sections = all("button", bar ?? document.createElement("div")).map((button) => ({
    button,
    start: Number(button.dataset.start),
    end: Number(button.dataset.end),
  }));
  sections.forEach(({ button, start, end }, nth) => {
    button.style.left = `${(start / song.duration) * 100}%`;
    button.style.width = `${((end - start) / song.duration) * 100}%`;
    button.tabIndex = nth ? -1 : 0;
    button.addEventListener("click", () => {
      reachable(sections, button);
      seek(song, start);
      play(song);
    });
  });
  bar?.addEventListener("keydown", (event) => moveAlong(event, sections));
  return sections;
}

function moveAlong(event, sections) {
  const at = sections.findIndex(({ button }) => button === event.target);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: sections.length - 1 }[event.key];
  if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  event.stopPropagation();
  const next = sections[Math.min(Math.max(0, to), sections.length - 1)].button;
  reachable(sections, next);
  next.focus();
}

function reachable(sections, chosen) {
  for (const { button } of sections) button.tabIndex = button === chosen ? 0 : -1;
}

function showForm(song, s) {
  const touched = s > 0 || !song.mix.paused;
  const now = touched ? song.form.findLast(({ start, end }) => start <= s + EARLY_S && s + EARLY_S < end) : undefined;
  if (now === song.section) return;
  song.section?.button.removeAttribute("aria-current");
  song.section = now;
  now?.button.setAttribute("aria-current", "true");
}
