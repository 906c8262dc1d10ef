// A file by drag and drop, with its progress; the answer takes the place of the page's main part.
// Without this script the same form does the same, and the browser loads the answer as a page.

function form() {
  return document.getElementById("upload");
}

function choose(files) {
  const field = document.getElementById("file");
  if (files) {
    field.files = files;
  }
  const network = document.getElementById("network");
  const stem = field.files[0]?.name.replace(/\.[^.]*$/, "");
  if (stem && (network.value === "" || network.value === network.dataset.suggested)) {
    network.value = network.dataset.suggested = stem;
  }
}

function replaceMain(text, address) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const main = page.getElementById("main");
  if (!main) {
    return false;
  }
  document.querySelector("header").replaceWith(page.querySelector("header"));
  document.getElementById("main").replaceWith(main);
  history.replaceState(null, "", address);
  begin();
  prepare();
  return true;
}

function say(text) {
  document.getElementById("upload-state").textContent = text;
}

function send(sent) {
  const request = new XMLHttpRequest();
  const bar = document.getElementById("progress");
  const button = sent.querySelector("button[type=submit]");
  const again = (text) => {
    bar.hidden = true;
    button.disabled = false;
    say(text);
  };
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) {
      bar.value = (100 * event.loaded) / event.total;
      say(event.loaded < event.total ? "Sending…" : "Scoring…");
    }
  });
  request.addEventListener("load", () => {
    const isPage = (request.getResponseHeader("Content-Type") || "").startsWith("text/html");
    const home = sent.action.replace(/\/submissions$/, "");
    const address = request.status === 200 ? request.responseURL : home;
    if (!isPage || !replaceMain(request.responseText, address)) {
      let sentence = "The service did not answer as expected: load the page again.";
      try {
        sentence = JSON.parse(request.responseText).sentence ?? sentence;
      } catch {
        // not from our service, but from a proxy in between
      }
      again(sentence);
    }
  });
  request.addEventListener("error", () => again("No connection: your file was not handed in. Try again."));
  request.open("POST", sent.action);
  bar.hidden = false;
  button.disabled = true;
  say("Sending…");
  request.send(new FormData(sent));
}

function begin() {
  if (!form()) {
    return;
  }
  form().querySelectorAll(".script").forEach((each) => (each.hidden = false));
  const drop = form().querySelector(".drop");
  const over = (event) => {
    event.preventDefault();
    drop.classList.toggle("over", event.type === "dragenter" || event.type === "dragover");
  };
  ["dragenter", "dragover", "dragleave"].forEach((each) => drop.addEventListener(each, over));
  drop.addEventListener("drop", (event) => {
    over(event);
    if (event.dataTransfer.files.length === 1) {
      choose(event.dataTransfer.files);
    } else {
      say("Drop one file.");
    }
  });
  document.getElementById("file").addEventListener("change", () => choose(null));
  form().addEventListener("submit", (event) => {
    event.preventDefault();
    if (!form().querySelector("button[type=submit]").disabled) {
      send(form());
    }
  });
}

begin();
