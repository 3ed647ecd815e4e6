// What a page says it shows, in the window's title and its heading; the sheet of shortcuts; places inside a document.
(() => {
  const heading = () => document.querySelector(".ts-heading h1");

  // A fragment names what it shows in a hidden element: <span data-shown="first-lesson" data-before="42 %">.
  const title = () => {
    const at = heading();
    if (!at) return;
    const { shown = "", before = "", guide = "" } = document.querySelector(".gradio-container [data-shown]")?.dataset ?? {};
    const page = (at.querySelector("span") ?? at).textContent;
    put(document, "title", [before, shown || page, "Tunesmith"].filter(Boolean).join(" · "));
    put(at.querySelector("small"), "textContent", shown);
    const help = document.querySelector("a.ts-help");
    if (help) put(help, "href", new URL(`/help?page=${guide || help.dataset.guide}`, location.href).href);
  };
  const put = (/** @type {any} */ element, name, value) => {
    if (element && element[name] !== value) element[name] = value;
  };

  // Other parts of a hidden tab rest. Its title is all that is seen of it, so while a run moves it is kept true.
  const SECONDS = 10;
  const follow = async () => {
    const mark = document.querySelector("[data-shown][data-follow]");
    const live = /** @type {any} */ (mark?.closest("ts-live"));
    if (!document.hidden || !mark || !live) return;
    const answer = await fetch(live.address(), { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const template = document.createElement("template");
    template.innerHTML = await answer.text();
    const now = template.content.querySelector("[data-shown]");
    if (now) mark.replaceWith(now);
    title();
  };
  setInterval(() => follow().catch(() => undefined), SECONDS * 1000); // the studio may be gone: the next time, perhaps

  document.addEventListener("DOMContentLoaded", () => {
    const drawn = new MutationObserver(() => {
      if (!heading()) return;
      drawn.disconnect();
      title();
    });
    drawn.observe(document.body, { childList: true, subtree: true });
  });

  // A document of the Help page comes by fetch, so the browser cannot have gone to its place yet.
  let place = "";
  document.addEventListener("ts-shown", (event) => {
    title();
    if (/** @type {HTMLElement} */ (event.target).id !== "fragment-help-help") return;
    const address = location.search + location.hash;
    if (address === place) return;
    const first = place === "";
    place = address;
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target) target.scrollIntoView();
    else if (!first) scrollTo(0, 0);
  });

  // "?" opens the sheet of shortcuts, and so does its button in the rail.
  const sheet = () => /** @type {HTMLDialogElement | null} */ (document.getElementById("shortcuts"));
  document.addEventListener("click", (event) => {
    if (/** @type {HTMLElement} */ (event.target).closest("[data-shortcuts]")) sheet()?.showModal();
  });
  document.addEventListener("keydown", (event) => {
    const at = /** @type {HTMLElement} */ (event.target);
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (at.closest("input, textarea, select, [contenteditable=true], dialog[open]")) return;
    event.preventDefault();
    sheet()?.showModal();
  });
})();
