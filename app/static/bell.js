// The bell: an open window may say by the browser itself what happened. Asked only after a click, and remembered here.
(() => {
  const tunesmith = window.tunesmith;
  const WANTED = "tunesmith-notify";
  const TOLD = "tunesmith-told"; // the number of the newest that was said, for all tabs
  const SECONDS = 15;
  const ADDRESS = "/fragments/frame/bell";

  const possible = () => "Notification" in window && Boolean(navigator.locks);
  const wanted = () => possible() && Notification.permission === "granted" && localStorage.getItem(WANTED) === "on";
  const told = () => Number(localStorage.getItem(TOLD) ?? -1);

  const rows = (within) => /** @type {HTMLElement[]} */ ([...within.querySelectorAll("[data-note]")]);
  const number = (row) => Number(row.dataset.note);
  const newest = (within) => Math.max(0, ...rows(within).map(number));

  // Text stays text: the browser shows a title and a body, and no HTML.
  function say(row) {
    const link = row.querySelector("a");
    const title = (link ?? row.querySelector("b"))?.textContent ?? "";
    const shown = new Notification(title, { body: row.querySelector("p")?.textContent ?? "", tag: `tunesmith-${number(row)}` });
    shown.onclick = () => {
      window.focus();
      if (link) location.assign(link.href);
    };
  }

  function sayNew(within) {
    if (!wanted()) return;
    const before = told();
    const last = newest(within);
    if (last <= before) return;
    localStorage.setItem(TOLD, String(last));
    for (const row of rows(within)) if (number(row) > before && row.hasAttribute("data-browser")) say(row);
  }

  // A hidden tab fetches nothing else, so of all hidden tabs one asks for the bell now and then.
  async function ask() {
    if (!wanted() || !document.hidden) return;
    await navigator.locks.request("tunesmith-bell", { ifAvailable: true }, async (lock) => {
      if (!lock) return;
      const answer = await fetch(ADDRESS, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const template = document.createElement("template");
      template.innerHTML = await answer.text();
      sayNew(template.content);
    });
  }
  setInterval(() => ask().catch(() => undefined), SECONDS * 1000); // the studio may be gone: the next time, perhaps

  document.addEventListener("ts-shown", (event) => {
    const shown = /** @type {HTMLElement} */ (event.target);
    if (shown.id === "fragment-frame-bell") sayNew(shown);
  });

  // <ts-notify>: the button that asks for the permission, or says why there is none.
  class Notify extends HTMLElement {
    connectedCallback() {
      this.draw();
      this.onclick = (event) => {
        if (/** @type {HTMLElement} */ (event.target).closest("button")) this.toggle();
      };
    }

    async toggle() {
      if (wanted()) localStorage.setItem(WANTED, "off");
      else if ((await Notification.requestPermission()) === "granted") {
        localStorage.setItem(TOLD, String(newest(document))); // what was before is not said
        localStorage.setItem(WANTED, "on");
      }
      this.draw();
    }

    draw() {
      if (!possible()) return this.replaceChildren(tunesmith.make("small", "", "This browser notifies only over https, or on this machine."));
      if (Notification.permission === "denied") return this.replaceChildren(tunesmith.make("small", "", "The browser does not allow notifications."));
      const label = wanted() ? "Stop notifying in this browser" : "Notify me in this browser";
      return this.replaceChildren(Object.assign(tunesmith.make("button", "ts-button", label), { type: "button" }));
    }
  }
  customElements.define("ts-notify", Notify);
})();
