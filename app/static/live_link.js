// The page of a link to a run or a chat keeps its parts fresh. It is written into the page itself and shares nothing with the window.
(() => {
  const SECONDS = { state: 3, charts: 4, answers: 15, conversation: 3 };
  const ENDED_SECONDS = 30; // a run that ended may be resumed, a chat goes on
  const HIDDEN_SECONDS = 30;

  async function fetchPart(name, element) {
    const answer = await fetch(`${location.pathname}/${name}`, { headers: { accept: "text/html" }, cache: "no-store" });
    if (answer.status === 401) return location.reload(); // revoked or over: the door shows the login page
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    if (element.dataset.shown !== text) {
      const open = [...element.querySelectorAll("details")].map((details) => details.open);
      element.innerHTML = text; // escaped on the server
      for (const [at, details] of [...element.querySelectorAll("details")].entries()) details.open = Boolean(open[at]);
    }
    element.dataset.shown = text;
  }

  async function keep(name) {
    const element = document.getElementById(name);
    const line = document.getElementById("gone");
    if (!element || !line) return;
    try {
      await fetchPart(name, element);
      line.hidden = true;
    } catch {
      line.hidden = false;
    }
    const moving = document.querySelector("[data-moving]");
    const seconds = document.hidden ? HIDDEN_SECONDS : moving ? SECONDS[name] : ENDED_SECONDS;
    setTimeout(() => keep(name), seconds * 1000);
  }

  for (const [name, seconds] of Object.entries(SECONDS)) setTimeout(() => keep(name), seconds * 1000);
})();
