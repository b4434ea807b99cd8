// New candidates, scores and decisions appear while the page is open.
const PAUSE_MS = 150; // several changes at once are read once

export function listenToChanges(page, { attempt, told }) {
  const source = new EventSource("/events");
  let timer = 0;
  let seen = false;
  const refresh = () => {
    clearTimeout(timer);
    timer = setTimeout(() => attempt(page.refresh), PAUSE_MS);
  };
  const connection = document.getElementById("connection");
  const tell = (text, isLost) => {
    connection.textContent = text;
    connection.classList.toggle("error", isLost);
  };
  source.addEventListener("open", () => tell("Live", false));
  source.addEventListener("error", () => tell("The app does not answer", true));
  const dataOf = ({ data }) => JSON.parse(data);
  source.addEventListener("hello", () => {
    if (seen) refresh(); // what came while the connection was lost
    seen = true;
  });
  source.addEventListener("behind", refresh);
  source.addEventListener("album", (event) => {
    const { album, songs } = dataOf(event);
    if (album === page.doc.album && (songs === null || songs.includes(page.doc.song))) refresh();
  });
  source.addEventListener("job", (event) => told(dataOf(event)));
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}
