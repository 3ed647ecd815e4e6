// The tour: six stops for a first visit. Home offers it while the studio is empty; Help starts it again (`/?tour=1`).
// It blocks nothing: a card beside the thing it is about. Escape ends it, the arrows go on and back.
(() => {
  const KEY = "tunesmith-tour"; // "done" once it was ended or declined, in this browser
  const root = document.documentElement;
  const STOPS = [
    ["[data-act=lesson], #content", "Begin with the first lesson", "One button fetches a small model, trains it and opens a chat with it. It takes a few minutes and needs nothing of yours."],
    ['#rail nav a[href="/models"]', "Models", "The base models that trainings start from: from the Hugging Face Hub, or from a folder of yours."],
    ['#rail nav a[href="/data"]', "Data", "Files, pasted rows or datasets of the hub become rows to learn from. Each row is checked, and nothing leaves this machine."],
    ['#rail nav a[href="/train"]', "Train", "Choose a model, a dataset and a method. Memory and time are estimated before you start."],
    ['#rail nav a[href="/runs"]', "Runs", "Every training with its curves, checkpoints and its report: did it help, and how sure is that?"],
    ['#rail nav a[href="/serve"], #rail nav a[href="/chat"]', "Serve and Chat", "Serve a model under a name for other programs, or talk to it beside its base. Help has a guide to every page."],
  ];
  /** @type {HTMLElement | null} */ let card = null;
  /** @type {HTMLElement | null} */ let target = null;
  /** @type {Element | null} */ let before = null; // what had the focus
  let at = 0;

  const done = () => localStorage.getItem(KEY) === "done";
  const mark = () => (root.dataset.tour = done() ? "done" : "offered");
  mark();
  addEventListener("storage", (event) => event.key === KEY && mark()); // another tab has ended or declined it

  const fold = (open) => document.querySelector("[data-fold]")?.setAttribute("aria-expanded", String(open));
  const button = (label, act, tone = "") => {
    const made = Object.assign(document.createElement("button"), { type: "button", className: "ts-button", textContent: label });
    if (tone) made.dataset.tone = tone;
    made.addEventListener("click", act);
    return made;
  };
  const end = () => {
    card?.remove();
    target?.classList.remove("ts-toured");
    card = target = null;
    fold(false);
    localStorage.setItem(KEY, "done");
    mark();
    const back = before instanceof HTMLElement && before.isConnected && before.offsetParent ? before : document.getElementById("content");
    back?.focus();
  };
  const go = (to) => {
    if (to >= STOPS.length) return end();
    at = Math.max(0, to);
    show();
  };

  // Beside what it is about where there is room, else below or above it; always on the screen.
  const place = () => {
    if (!card || !target) return;
    const there = target.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = card;
    const beside = there.right + 14 + width < innerWidth;
    const left = beside ? there.right + 14 : Math.min(there.left, innerWidth - width - 12);
    const below = there.bottom + 12 + height < innerHeight;
    const top = beside ? there.top : below ? there.bottom + 12 : there.top - height - 12;
    card.style.left = `${Math.max(12, left)}px`;
    card.style.top = `${Math.max(12, Math.min(top, innerHeight - height - 12))}px`;
  };
  const show = () => {
    const [selector, title, text] = STOPS[at];
    target?.classList.remove("ts-toured");
    fold(selector.startsWith("#rail"));
    target = selector.split(", ").map((one) => /** @type {HTMLElement | null} */ (document.querySelector(one))).find(Boolean) ?? null;
    target?.classList.add("ts-toured");
    target?.scrollIntoView({ block: "nearest" });
    const isLast = at === STOPS.length - 1;
    const parts = { h2: title, p: text, small: `${at + 1} of ${STOPS.length}` };
    const [heading, words, count] = Object.entries(parts).map(([tag, said]) => Object.assign(document.createElement(tag), { textContent: said }));
    heading.id = "tour-title";
    words.id = "tour-text";
    const acts = Object.assign(document.createElement("div"), { className: "ts-actions" });
    const next = button(isLast ? "Done" : "Next", () => go(at + 1), "primary");
    acts.append(...(isLast ? [] : [button("End tour", end)]), ...(at ? [button("Back", () => go(at - 1))] : []), next);
    card?.replaceChildren(heading, words, count, acts);
    place();
    next.focus({ preventScroll: true });
  };
  const start = () => {
    if (card) return;
    before = document.activeElement;
    card = Object.assign(document.createElement("div"), { className: "ts-tour" });
    for (const [name, value] of [["role", "dialog"], ["aria-labelledby", "tour-title"], ["aria-describedby", "tour-text"]]) card.setAttribute(name, value);
    card.addEventListener("click", (event) => event.stopPropagation()); // a click elsewhere folds the pages
    (document.querySelector(".gradio-container") ?? document.body).append(card);
    at = 0;
    show();
  };

  const KEYS = { Escape: end, ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1) };
  document.addEventListener(
    "keydown",
    (event) => {
      const act = card?.contains(/** @type {Node} */ (event.target)) || event.key === "Escape" ? KEYS[event.key] : undefined;
      if (!card || !act) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    },
    true,
  );
  addEventListener("resize", place);
  addEventListener("scroll", place, { passive: true });
  document.addEventListener("click", (event) => {
    const asked = /** @type {HTMLElement} */ (event.target).closest?.("[data-tour-act]");
    if (!asked) return;
    if (asked instanceof HTMLElement && asked.dataset.tourAct === "start") return start();
    end();
  });

  // From Help: once the page has been drawn.
  const asked = () => {
    if (new URLSearchParams(location.search).get("tour") !== "1") return;
    if (!document.querySelector('#rail nav a[href="/models"]') || document.querySelector(".ts-skeleton")) return requestAnimationFrame(asked);
    history.replaceState(null, "", location.pathname);
    start();
  };
  asked();
})();
