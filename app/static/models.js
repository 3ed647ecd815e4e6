// The Models page: a click on a suggestion fills the field of the hub, and names are suggested while one types.
(() => {
  const PAUSE = 300; // ms without a key, before the studio is asked
  const AGAIN = 700; // ms until it is asked whether the hub has answered
  const MOST_TURNS = 20;
  const field = () => /** @type {HTMLInputElement | null} */ (document.getElementById("add-hub"));
  const list = () => document.getElementById("add-hub-names");
  const options = () => [...(list()?.querySelectorAll("[role=option]") ?? [])];
  let waiting = 0;
  let turn = 0; // of the newest question: an answer to an older one is not shown

  const show = (open) => {
    if (!list()) return;
    const shown = open && options().length > 0;
    list().hidden = !shown;
    field().setAttribute("aria-expanded", String(shown));
    if (!shown) field().removeAttribute("aria-activedescendant");
  };
  const close = () => {
    clearTimeout(waiting);
    turn += 1;
    show(false);
  };
  const chosen = () => options().findIndex((option) => option.getAttribute("aria-selected") === "true");
  const choose = (at) => {
    const all = options();
    if (!all.length) return;
    const place = (at + all.length) % all.length;
    for (const [number, option] of all.entries()) {
      option.id = "add-hub-name-" + number;
      option.setAttribute("aria-selected", String(number === place));
    }
    all[place].scrollIntoView({ block: "nearest" });
    field().setAttribute("aria-activedescendant", all[place].id);
  };

  // Asks what the text may mean, and again while the hub has not answered. A studio that is gone is no news here.
  const look = async (mine, left) => {
    const text = field()?.value.trim() ?? "";
    if (mine !== turn || !text) return text || show(false);
    const answer = await fetch("/fragments/models/suggest?q=" + encodeURIComponent(text)).catch(() => null);
    const html = answer?.ok ? await answer.text() : "";
    if (mine !== turn || document.activeElement !== field()) return;
    const before = chosen();
    list().innerHTML = html;
    if (before >= 0) choose(before);
    show(true);
    if (list().querySelector("[data-more]") && left > 0) waiting = setTimeout(() => look(mine, left - 1), AGAIN);
  };
  const ask = (pause) => {
    clearTimeout(waiting);
    const mine = ++turn;
    waiting = setTimeout(() => look(mine, MOST_TURNS), pause);
  };

  const fill = (button) => {
    const target = /** @type {HTMLInputElement | null} */ (document.getElementById(button.dataset.fill));
    if (!target) return;
    target.value = button.dataset.value;
    target.focus();
    close();
  };

  document.addEventListener("input", (event) => {
    if (field() && event.target === field()) ask(PAUSE);
  });
  document.addEventListener("keydown", (event) => {
    if (!field() || event.target !== field()) return;
    if (event.key === "Escape" && !list().hidden) close();
    else if (event.key === "ArrowDown" && list().hidden) return ask(0);
    else if (event.key === "ArrowDown") choose(chosen() + 1);
    else if (event.key === "ArrowUp" && !list().hidden) choose(Math.max(0, chosen()) - 1);
    else if (event.key === "Enter" && !list().hidden && chosen() >= 0) options()[chosen()].click();
    else return event.key === "Enter" && close();
    event.preventDefault();
  });
  document.addEventListener("pointerdown", (event) => {
    if (event.target.closest?.("#add-hub-names")) event.preventDefault(); // the field keeps the focus
  });
  document.addEventListener("focusout", (event) => {
    if (field() && event.target === field()) close();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-fill]");
    if (button) fill(button);
    else if (event.target.closest?.("#add-hub-names a")) close();
  });
})();
