// The queue: a run dragged to another place, menus that are sent when they change, and a focus that stays with a run
// that was moved by its buttons.
(() => {
  const rowOf = (node) => node.closest?.("[data-queue] tr[data-id]");
  let dragged = null;
  let moved = null;

  const clear = () => {
    for (const row of document.querySelectorAll("[data-queue] tr[data-drop]")) row.removeAttribute("data-drop");
  };
  const isBelow = (row, y) => {
    const { top, height } = row.getBoundingClientRect();
    return y > top + height / 2;
  };

  document.addEventListener("dragstart", (event) => {
    const handle = event.target.closest?.(".rq-handle");
    if (!handle) return;
    dragged = rowOf(handle);
    dragged.setAttribute("data-dragged", "");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.id);
    event.dataTransfer.setDragImage(dragged, 20, 20);
  });
  document.addEventListener("dragover", (event) => {
    const row = dragged && rowOf(event.target);
    if (!row) return;
    event.preventDefault();
    clear();
    if (row !== dragged) row.dataset.drop = isBelow(row, event.clientY) ? "after" : "before";
  });
  document.addEventListener("drop", (event) => {
    const row = dragged && rowOf(event.target);
    if (!row || row === dragged) return;
    event.preventDefault();
    const before = isBelow(row, event.clientY) ? row.nextElementSibling : row;
    if (before === dragged) return;
    const form = dragged.querySelector('form[data-act="queue-move"]');
    const last = row.closest("table").querySelector("tbody tr:last-child");
    form.elements.before.value = before ? before.dataset.id : "";
    form.elements.behind.value = before ? "" : last.dataset.id;
    form.requestSubmit();
  });
  document.addEventListener("dragend", () => {
    dragged?.removeAttribute("data-dragged");
    dragged = null;
    clear();
  });

  document.addEventListener("change", (event) => {
    const menu = event.target.closest?.("select[data-sends]");
    if (menu) menu.form.requestSubmit();
  });

  // The row of a moved run is put into its new place, which takes the focus from the button that was pressed.
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".rq-arrow");
    moved = button ? { id: button.dataset.id, act: button.dataset.act } : null;
  });
  document.addEventListener("ts-shown", () => {
    if (!moved || (document.activeElement && document.activeElement !== document.body)) return;
    const row = document.querySelector(`[data-queue] tr[data-id="${CSS.escape(moved.id)}"]`);
    const button = row?.querySelector(`[data-act="${moved.act}"]:not(:disabled)`) || row?.querySelector(".rq-arrow:not(:disabled)");
    button?.focus();
  });
})();
