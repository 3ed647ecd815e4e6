// What comes under a pointer or a focus by itself rests for a moment: the second press of a double click on Stop, or a
// press that was meant for the row that stood there a moment ago, does nothing. For all that `tunesmith.patch` draws.
(() => {
  const tunesmith = window.tunesmith;
  const REST = 700; // milliseconds: more than the 500 that systems allow between the presses of a double click
  const resting = new WeakMap(); // a button, and the timer that ends its rest
  const place = { x: -1, y: -1 }; // of the pointer; none yet

  const known = ({ clientX: x, clientY: y }) => Object.assign(place, { x, y });
  document.addEventListener("pointermove", known, { capture: true, passive: true });
  document.addEventListener("pointerdown", known, { capture: true, passive: true });

  /** @returns {HTMLElement | null} */
  const button = (node) => node?.closest?.("button, a.ts-button") ?? null;
  const told = (node) => (node ? `${node.dataset.act ?? node.getAttribute("href") ?? node.textContent} ${node.closest("[data-id]")?.dataset.id}` : "");
  const under = () => (place.x < 0 ? null : button(document.elementFromPoint(place.x, place.y)));
  const focused = () => button(document.activeElement);

  // Draws by `draw` inside of `element`; a button that is another one than before, where somebody was about to press, rests.
  tunesmith.settled = (element, draw) => {
    const before = [under, focused].map((look) => told(look()));
    draw();
    [under, focused].forEach((look, at) => {
      const now = look();
      if (now && element.contains(now) && told(now) !== before[at]) rest(now);
    });
  };

  function rest(node) {
    clearTimeout(resting.get(node));
    node.dataset.resting = "";
    node.setAttribute("aria-disabled", "true"); // it keeps the focus, which `disabled` takes away
    resting.set(node, setTimeout(() => wake(node), REST));
  }

  function wake(node) {
    delete node.dataset.resting;
    node.removeAttribute("aria-disabled");
  }

  const refuse = (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  document.addEventListener("click", (event) => {
    if (button(event.target)?.hasAttribute("data-resting")) refuse(event);
  }, true);
  // A key that is held down presses again and again, also what has come in the place of what it was pressed on.
  document.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.repeat && event.key === "Enter" && target.matches?.("button[data-act], form[data-act] button")) refuse(event);
  }, true);
})();
