// Gradio's dropdowns open at every focus, and Tab leaves them open: the list of each field that a keyboard went through
// lay over the next ones. Here a list opens for who asks for it: a press, a key that moves or writes, a text put in.
(() => {
  const field = (event) => /** @type {HTMLElement | null} */ (event.target?.closest?.('input[role="combobox"]:not(#finder *)'));
  const SILENT = ["Tab", "Shift", "Control", "Alt", "Meta", "CapsLock", "Escape"];
  let pressed = null; // the field a pointer is on: its focus comes before the pointer goes up
  let opening = false;

  // What Gradio does at a focus was left out, and is done now.
  const open = (input) => {
    if (!("closed" in input.dataset)) return false;
    delete input.dataset.closed;
    opening = true;
    input.dispatchEvent(new FocusEvent("focus"));
    opening = false;
    return true;
  };

  document.addEventListener("pointerdown", (event) => {
    pressed = /** @type {Element} */ (event.target).closest?.(".wrap")?.querySelector('input[role="combobox"]') ?? null;
    if (pressed && pressed === document.activeElement) open(pressed);
  }, true);
  document.addEventListener("pointerup", () => setTimeout(() => (pressed = null)), true);

  document.addEventListener("focus", (event) => {
    const input = field(event);
    if (!input || opening || input === pressed) return;
    input.dataset.closed = "";
    event.stopPropagation();
  }, true);
  document.addEventListener("blur", (event) => delete field(event)?.dataset.closed, true);
  document.addEventListener("input", (event) => void (field(event) && open(field(event))), true);

  document.addEventListener("keydown", (event) => {
    const input = field(event);
    if (!input) return;
    const closed = "closed" in input.dataset;
    const silent = SILENT.includes(event.key) || event.ctrlKey || event.metaKey || event.altKey;
    // Gradio opens the list at any key but Escape, after the focus has gone too.
    if (silent && (closed || event.key !== "Escape")) return event.stopPropagation();
    if (closed && open(input) && event.key === "Enter") event.stopPropagation();
  }, true);
})();
