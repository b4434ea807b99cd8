// What the page asks of the server, and sends to it.
export class Refused extends Error {}

async function answerOf(response) {
  if (response.ok) return response;
  let said = null;
  try {
    said = (await response.json()).error;
  } catch {
    // Not an answer of the app itself.
  }
  const text = said ? [said.what, said.remedy].filter(Boolean).join(". ") : `The server answers ${response.status}`;
  throw new Refused(`${text[0].toUpperCase()}${text.slice(1)}.`);
}

async function ask(address, options) {
  try {
    return await answerOf(await fetch(address, options));
  } catch (error) {
    if (error instanceof Refused || error.name === "AbortError") throw error;
    throw new Refused("The desk does not answer: does `songline desk` still run?");
  }
}

export const getJson = async (address) => (await ask(address)).json();

export async function postJson(address, value) {
  const headers = { "content-type": "application/json" };
  return (await ask(address, { method: "POST", headers, body: JSON.stringify(value) })).json();
}

// One second of a sound: its two channels one after the other as 32-bit floats, and the length of the whole in frames.
export function blockFetcher(session) {
  return async (sound, rate, number) => {
    const response = await ask(`/api/audition/${session}/sounds/${sound}/pcm?rate=${rate}&block=${number}`);
    const samples = new Float32Array(await response.arrayBuffer());
    const half = samples.length / 2;
    return { channels: [samples.slice(0, half), samples.slice(half)], length: Number(response.headers.get("x-frames")) };
  };
}
