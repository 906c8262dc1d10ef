"use strict";
// What every page has: a form goes out once, an answer is read out, times are shown as here as well.

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]") || event.defaultPrevented) {
    return;
  }
  if (form.dataset.sent) {
    event.preventDefault(); // a second click, before the answer is there
    return;
  }
  form.dataset.sent = "yes";
});

window.addEventListener("pageshow", () => {
  document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent);
});

function prepare() {
  for (const place of document.querySelectorAll(".local")) {
    const at = new Date(place.querySelector("time").dateTime);
    if (at.getTimezoneOffset() !== 0 && place.childElementCount === 1) {
      const short = { weekday: "short", hour: "2-digit", minute: "2-digit" };
      const here = document.createElement("small");
      here.textContent = ` (${at.toLocaleString(undefined, short)} your time)`;
      place.append(here);
    }
  }
  document.getElementById("answer")?.focus();
}

prepare();
