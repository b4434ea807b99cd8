// The buttons and forms of the pages: each sends one change, and says how it went.
import { post, say, settled } from "./desk.js";
import { refresh } from "./live.js";

const SAID = { pick: "Picked", unpick: "Taken back", reject: "Rejected", note: "Noted" };

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-review], button[data-post]");
  if (!button) return;
  run(button, () => (button.dataset.review ? review(button) : start(button)));
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  const send = form.matches("[data-upload]") ? upload : form.matches("[data-retake]") ? retake : null;
  if (!send) return;
  event.preventDefault();
  run(form.querySelector("[type=submit]"), () => send(form));
});

// Do one thing at a time for each button; an error is shown, not thrown.
async function run(button, work) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    say(await work());
    refresh();
  } catch (error) {
    say(error.message, { isError: true });
  }
  button.removeAttribute("aria-disabled");
}

async function review(button) {
  const { review: kind, candidate } = button.dataset;
  const field = button.closest(".decide").querySelector("input");
  const note = field.value.trim();
  const told = await post(`/api/candidates/${encodeURIComponent(candidate)}/${kind}`, note ? { note } : {});
  field.value = "";
  const parts = [`${SAID[kind]}: ${candidate}.`];
  if (kind === "note") return parts[0];
  if (told.fault) parts.push(`${told.fault.what}. ${told.fault.remedy}.`);
  else if (!told.sentence || told.waiting) parts.push("It counts as soon as all takes of the song are scored.");
  else parts.push(told.sentence);
  return parts.join(" ");
}

async function start(button) {
  await post(button.dataset.post);
  return button.dataset.done;
}

async function retake(form) {
  const values = new FormData(form);
  await post(form.dataset.retake, {
    from_s: seconds(values.get("from")),
    to_s: seconds(values.get("to")),
    words: values.get("words"),
    seeds: Number(values.get("seeds")),
  });
  return "The retake has started.";
}

// 1:05.5 and 65.5 are the same time.
function seconds(text) {
  const [rest, minutes] = text.trim().split(":").reverse();
  return 60 * Number(minutes ?? 0) + Number(rest);
}

function upload(form) {
  const values = new FormData(form);
  const file = values.get("file");
  const query = new URLSearchParams({
    name: file.name.slice(-200),
    origin: values.get("origin"),
    licence: values.get("licence"),
  });
  if (values.get("commercial")) query.set("commercial", "true");
  const bar = form.querySelector("progress");
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much was sent
    request.open("POST", `${form.dataset.upload}?${query}`);
    request.upload.addEventListener("progress", ({ loaded, total }) => { bar.hidden = false; bar.value = loaded / total; });
    request.addEventListener("error", () => reject(new Error("The file could not be sent.")));
    request.addEventListener("loadend", () => { bar.hidden = true; });
    request.addEventListener("load", () => {
      const answer = new Response(request.responseText, { status: request.status });
      settled(answer).then(() => { form.reset(); resolve("The file was sent, and is being added."); }, reject);
    });
    request.send(file);
  });
}

// The disk use of each album is found last: it reads the whole catalog.
const sizes = document.querySelectorAll("[data-size]");
if (sizes.length) {
  fetch("/api/disk").then(settled).then(({ albums }) => {
    for (const place of sizes) {
      place.textContent = albums[place.dataset.size] ?? "";
      place.hidden = !place.textContent;
    }
  }).catch(() => {});
}
