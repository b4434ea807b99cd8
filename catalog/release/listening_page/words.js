// The words of a song: the line and the syllable that are sung light up, and the list of lines follows them.
const EARLY_S = 0.02;

function wordsOf(root) {
  const lines = all(".lyrics li[data-start]", root).map((item) => {
    const sung = one(".sung", item);
    return {
      item,
      start: Number(item.dataset.start),
      syllables: sung ? all("span", sung) : [],
      times: sung ? sung.dataset.at.split(" ").map((at) => Number(at) / 100) : [], // with the end of the last one
      reached: -1,
    };
  });
  return { list: one(".lyrics", root), lines, active: null, follows: true };
}

// Without scripts a time is only text: what would do nothing is not offered. The words stay text that can be copied.
function listenToWords(song) {
  for (const { item, start } of song.words.lines) {
    const stamp = one(".stamp", item);
    if (!stamp) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "stamp";
    button.setAttribute("aria-label", `Play ${song.title} from ${stamp.textContent}`);
    button.append(...stamp.childNodes);
    stamp.replaceWith(button);
    item.addEventListener("click", () => {
      const chosen = getSelection();
      if (!chosen.isCollapsed && chosen.containsNode(item, true)) return;
      seek(song, start);
      play(song);
    });
  }
}

function showWords(song, s) {
  const { words } = song;
  const touched = s > 0 || !song.mix.paused;
  const active = touched ? words.lines.findLast(({ start }) => start <= s + EARLY_S) : undefined;
  if (active !== (words.active ?? undefined)) showLine(words, active);
  if (active) light(active, s);
}

function showLine(words, active) {
  const before = words.active;
  words.active = active ?? null;
  if (before) {
    before.item.classList.remove("active");
    before.item.removeAttribute("aria-current");
    reach(before, -1);
  }
  if (!active) return;
  active.item.classList.add("active");
  active.item.setAttribute("aria-current", "true");
  if (words.follows || !before || isInSight(words.list, before.item)) scrollTo(words.list, active.item);
  words.follows = false;
}

// A reader who has scrolled to other lines is left there.
function isInSight(list, item) {
  const top = item.offsetTop - list.scrollTop;
  return top + item.offsetHeight > 0 && top < list.clientHeight;
}

function scrollTo(list, item) {
  const top = item.offsetTop - list.clientHeight / 2 + item.clientHeight / 2;
  list.scrollTo({ top, behavior: calm.matches ? "auto" : "smooth" });
}

function light(line, s) {
  if (line.syllables.length) reach(line, line.times.findLastIndex((at) => at <= s + EARLY_S));
}

function reach(line, reached) {
  if (reached === line.reached) return;
  line.reached = reached;
  line.syllables.forEach((syllable, nth) => {
    syllable.classList.toggle("lit", nth <= reached);
    syllable.classList.toggle("now", nth === reached);
  });
}
