// What Gradio's own parts lack for people who hear a page or use it by keyboard. Looked for when something new is drawn.
(() => {
  const PAUSE = 200; // milliseconds: an answer that streams draws many times a second

  const LOST = "Connection to the server was lost";

  const mend = () => {
    // Two conversations side by side: a greeting is no landmark, and both would have the same name.
    for (const note of document.querySelectorAll('.placeholder-content[role="complementary"]')) note.removeAttribute("role");
    // Its words are on the button; a label that says others cannot be spoken to.
    for (const button of document.querySelectorAll("button.upload-container[aria-label]")) button.removeAttribute("aria-label");
    // Each radio has a name of its own, so arrows would not move within a choice and Tab would stop at each.
    for (const block of document.querySelectorAll('.block:has(input[type="radio"])')) {
      const radios = block.querySelectorAll('input[type="radio"]');
      for (const radio of radios) if (radio.name !== radios[0].name) radio.name = radios[0].name;
    }
    // Who speaks, once: Gradio's label is the whole message again, on what has no role to carry a label.
    for (const turn of document.querySelectorAll('[data-testid][aria-label*="\'s message: "]')) {
      turn.setAttribute("role", "group");
      turn.setAttribute("aria-label", turn.dataset.testid === "bot" ? "Answer" : "Question");
    }
    // The head of a toast folds it, which hides what it says, and a button in a button is none.
    for (const head of document.querySelectorAll(".toast-header[role]")) for (const name of ["role", "tabindex"]) head.removeAttribute(name);
    // The line at the bottom says it too, and goes away by itself.
    for (const toast of document.querySelectorAll(".toast-body")) toast.classList.toggle("ts-said", toast.textContent.includes(LOST));
    // What can be scrolled can be reached.
    for (const code of document.querySelectorAll(".message pre:not([tabindex])")) code.tabIndex = 0;
  };

  // At once, so that nobody meets what is unmended; while more and more is drawn, every PAUSE.
  let resting = false;
  let drawn = false;
  const look = () => {
    drawn = resting;
    if (resting) return;
    resting = true;
    mend();
    setTimeout(() => {
      resting = false;
      if (drawn) look();
    }, PAUSE);
  };
  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributeFilter: ["name"] });
  });
})();
