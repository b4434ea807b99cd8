// Makes one element as another is, changing only what differs. Children with an id are matched by it. What a user has
// typed, opened or started to play stays.

const KEPT = new Set(["open", "value", "checked"]);

export function morph(from, to) {
  attributes(from, to);
  children(from, to);
}

function attributes(from, to) {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !KEPT.has(name) && !("size" in from.dataset && name === "hidden")) {
      from.removeAttribute(name);
    }
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value && !KEPT.has(name) && !("size" in from.dataset && name === "hidden")) {
      from.setAttribute(name, value);
    }
  }
}

function children(from, to) {
  if ("size" in (from.dataset ?? {})) return; // filled in by another script
  const known = new Map([...from.children].filter((child) => child.id).map((child) => [child.id, child]));
  let place = from.firstChild;
  for (const wanted of to.childNodes) {
    const found = match(known, place, wanted);
    if (!found) {
      from.insertBefore(document.importNode(wanted, true), place);
      continue;
    }
    place = moved(from, found, place).nextSibling;
    if (found.nodeType === Node.ELEMENT_NODE) morph(found, wanted);
    else if (found.data !== wanted.data) found.data = wanted.data;
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function match(known, place, wanted) {
  if (wanted.id) {
    const found = known.get(wanted.id);
    return found && found.tagName === wanted.tagName ? found : null;
  }
  const isAlike = place && place.nodeType === wanted.nodeType && place.nodeName === wanted.nodeName && !place.id;
  return isAlike ? place : null;
}

// Bring a child to its place. What moves in the page loses the focus and stops playing, so what has either stays where
// it is, and what stands before it goes to the end.
function moved(from, found, place) {
  if (found === place) return found;
  if (!isUsed(found)) {
    from.insertBefore(found, place);
    return found;
  }
  while (place !== found) {
    const next = place.nextSibling;
    from.append(place);
    place = next;
  }
  return found;
}

function isUsed(child) {
  if (child.nodeType !== Node.ELEMENT_NODE) return false;
  return child.contains(document.activeElement) || [...child.querySelectorAll("audio")].some((audio) => !audio.paused);
}
