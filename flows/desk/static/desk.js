// What all pages share: a change sent to the app, and a sentence said to the reader.

// Send a change; returns the answer's document. Throws an Error whose message is what went wrong and what helps.
export async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body ?? {}),
    });
  } catch {
    throw new Error("The app does not answer. Start `songline desk` again.");
  }
  return settled(answer);
}

// The document of an answer; throws its error.
export async function settled(answer) {
  const document = await answer.json().catch(() => null);
  if (answer.ok && document) return document;
  throw new Error(sentence(document?.error) ?? `The app answered ${answer.status}. Load the page again.`);
}

function sentence(error) {
  if (!error) return null;
  const parts = [error.what, error.remedy].filter(Boolean);
  return parts.map((part) => `${part[0].toUpperCase()}${part.slice(1)}.`).join(" ");
}

// Show a sentence for a while, and let a screen reader say it.
export function say(text, { isError = false } = {}) {
  const place = document.getElementById("said");
  const line = document.createElement("p");
  line.textContent = text;
  line.className = isError ? "error" : "";
  place.append(line);
  setTimeout(() => line.remove(), isError ? 12000 : 6000);
}
