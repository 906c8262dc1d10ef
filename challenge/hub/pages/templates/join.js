"use strict";
(async () => {
  const say = (text) => { document.getElementById("sentence").textContent = text; };
  const token = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);  // nobody else reads it from the address
  if (!token) {
    say("This link lacks its second half, after #: copy all of it.");
    return;
  }
  try {
    const answer = await fetch("join", { method: "POST", headers: { Authorization: "token " + token } });
    if (answer.ok) {
      location.replace("./");
    } else {
      say((await answer.json()).sentence);
    }
  } catch (error) {
    say("The service does not answer: open the link again in a minute.");
  }
})();
