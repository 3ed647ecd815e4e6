// The finder: Ctrl+K, a part of a name, Enter. Pages are found in the rail, all else by the studio (pages/finder.py).
(() => {
  const PAUSE = 150; // ms without a key, before the studio is asked
  const dialog = () => /** @type {HTMLDialogElement | null} */ (document.getElementById("finder"));
  const field = () => /** @type {HTMLInputElement} */ (dialog()?.querySelector("input"));
  const list = () => /** @type {HTMLElement} */ (document.getElementById("finder-list"));
  const options = () => [...list().querySelectorAll("a")];
  let waiting = 0;
  let turn = 0; // of the newest question: an answer to an older one is not shown

  const pages = (words) => {
    const links = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("#rail nav a[data-key]"));
    const named = [...links].map((link) => [link.getAttribute("href"), link.querySelector("span")?.textContent ?? ""]);
    return named.filter(([, name]) => words.every((word) => name.toLowerCase().includes(word))).map(([href, name]) => option(href, name));
  };
  const option = (href, name) => {
    const link = document.createElement("a");
    Object.assign(link, { href, tabIndex: -1 });
    link.setAttribute("role", "option");
    for (const [tag, text] of [["span", name], ["small", "page"]]) link.append(Object.assign(document.createElement(tag), { textContent: text }));
    return link;
  };
  const choose = (at) => {
    const all = options();
    const chosen = all.length ? (at + all.length) % all.length : -1;
    for (const [number, link] of all.entries()) {
      link.id = "finder-" + number;
      link.setAttribute("aria-selected", String(number === chosen));
    }
    all[chosen]?.scrollIntoView({ block: "nearest" });
    if (chosen < 0) field().removeAttribute("aria-activedescendant");
    else field().setAttribute("aria-activedescendant", "finder-" + chosen);
  };
  const chosen = () => options().findIndex((link) => link.getAttribute("aria-selected") === "true");

  const look = async () => {
    const text = field().value.trim();
    const mine = ++turn;
    list().replaceChildren(...pages(text.toLowerCase().split(/\s+/)));
    choose(0);
    if (!text) return;
    const answer = await fetch("/fragments/frame/find?q=" + encodeURIComponent(text)).catch(() => null);
    const html = answer?.ok ? await answer.text() : "";
    if (mine !== turn) return;
    list().insertAdjacentHTML("beforeend", html);
    choose(Math.max(0, chosen()));
  };
  const open = () => {
    if (!dialog() || dialog().open) return;
    field().value = "";
    field().setAttribute("aria-expanded", "true");
    dialog().showModal();
    dialog().addEventListener("close", () => field().setAttribute("aria-expanded", "false"), { once: true });
    look();
  };

  document.addEventListener("keydown", (event) => {
    if (window.tunesmith.keyOf(event) !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    if (/** @type {HTMLElement} */ (event.target).closest(".cm-editor")) return; // the editor has a meaning of its own for it
    event.preventDefault();
    open();
  });
  document.addEventListener("input", (event) => {
    if (event.target !== field()) return;
    clearTimeout(waiting);
    waiting = setTimeout(look, PAUSE);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target !== field()) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) choose(chosen() + step);
    else if (event.key === "Enter") options()[chosen()]?.click();
    else if (event.key === "Escape") dialog()?.close(); // at once: a search field would be emptied first
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const at = /** @type {HTMLElement} */ (event.target);
    if (at === dialog() || at.closest("#finder a")) dialog()?.close(); // beside it, or somewhere to go
  });
})();
