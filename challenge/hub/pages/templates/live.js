// Renews the board without loading the page again: every 30 seconds, and when somebody looks again.
const EVERY = 30_000; // ms
const renewed = document.getElementById("renewed");
const connection = document.getElementById("connection");
let etag = renewed.dataset.etag;
let at = Date.now();
let busy = false;

function say(text) {
  if (connection.textContent !== text) {
    connection.textContent = text;
  }
}

function show(text) {
  const table = document.getElementById("board");
  const headings = Array.from(table.tHead.rows[0].cells);
  const column = headings.findIndex((each) => each.hasAttribute("aria-sort"));
  const rises = headings[column]?.getAttribute("aria-sort") === "ascending";
  const focused = headings.findIndex((each) => each.contains(document.activeElement));
  document.getElementById("live").innerHTML = text;
  if (column > 0 || (column === 0 && !rises)) {
    sortBoard(column, rises);
  }
  const cells = document.getElementById("board").tHead.rows[0].cells;
  cells[focused]?.querySelector("button")?.focus();
}

async function renew() {
  if (busy || document.hidden) {
    return;
  }
  busy = true;
  try {
    const answer = await fetch(renewed.dataset.from, {
      headers: { "If-None-Match": etag },
      redirect: "manual",
      signal: AbortSignal.timeout(20_000),
    });
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
      say("You are logged out: load this page again.");
      return;
    }
    if (answer.status !== 304 && !answer.ok) {
      throw new Error(`status ${answer.status}`);
    }
    if (answer.status === 200 && answer.headers.get("ETag") !== etag) {
      show(await answer.text());
      etag = answer.headers.get("ETag");
    }
    at = Date.now();
    renewed.textContent = `Renewed at ${new Date(at).toLocaleTimeString()}.`;
    say("");
  } catch {
    say("No connection: this board may be old. Trying again.");
  } finally {
    busy = false;
  }
}

setInterval(renew, EVERY);
document.addEventListener("visibilitychange", renew);
window.addEventListener("online", renew);
window.addEventListener("pageshow", (event) => event.persisted && renew());
