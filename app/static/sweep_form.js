// A sweep in the Train form: its controls stand at the fields, its problems too, and what is typed stays in the browser.
(() => {
  const tunesmith = window.tunesmith;
  const sweep = (tunesmith.sweepForm = /** @type {SweepForm} */ ({}));
  const PAUSE = 300; // ms without a key, before the server is asked
  const key = () => "tunesmith-sweep" + location.search;
  const fieldOf = (name) => document.getElementById("field-" + name);
  const controls = "input[name], select[name], textarea[name]";
  /** @type {Map<string, string>} what stands in every control, though Gradio folds its field away */
  let texts = new Map();
  let panel, send;

  sweep.keep = (kept) => (kept ? localStorage.setItem(key(), kept) : localStorage.removeItem(key()));
  sweep.recall = () => localStorage.getItem(key()) || "";

  // Boxes of one name are one value, a line each.
  const valueOf = (control, root) => {
    if (control.type !== "checkbox") return control.value;
    if (!("many" in control.dataset)) return control.checked ? "on" : "";
    const boxes = [...root.querySelectorAll(`input[name="${control.name}"]:checked`)];
    return boxes.map((box) => box.value).join("\n");
  };
  const read = (root) => {
    for (const control of root.querySelectorAll(controls)) if (!control.closest(".tr-import")) texts.set(control.name, valueOf(control, root));
  };
  const write = (root) => {
    for (const control of root.querySelectorAll(controls)) {
      const text = texts.get(control.name);
      if (text === undefined) continue;
      if (control.type !== "checkbox") control.value = text;
      else control.checked = "many" in control.dataset ? text.split("\n").includes(control.value) : text === "on";
    }
  };

  // The button that makes a range of a field, or one value again.
  const mark = (field, { dataset }) => {
    let button = field.querySelector(":scope > .tr-sweep-mark");
    if (!button) {
      button = Object.assign(document.createElement("button"), { type: "button", className: "tr-sweep-mark" });
      field.append(button);
    }
    const on = "on" in dataset;
    const words = on ? "One value" : "Sweep";
    if (button.textContent !== words) button.textContent = words;
    button.ariaLabel = on ? `${dataset.title}: one value again` : `Sweep ${dataset.title}`;
    button.ariaPressed = String(on);
    button.dataset.sweepField = dataset.field;
  };
  const range = (field, pattern) => {
    const old = field.querySelector(":scope > .tr-range");
    if (!pattern) return void old?.remove();
    if (old && old.madeOf === pattern.outerHTML) return;
    const made = pattern.cloneNode(true);
    made.madeOf = pattern.outerHTML;
    write(made);
    if (old) old.replaceWith(made);
    else field.append(made);
  };
  const place = () => {
    if (!panel) return;
    const places = new Map([...panel.querySelectorAll("li[data-field]")].map((item) => [item.dataset.field, item]));
    for (const field of document.querySelectorAll("#train-recipe .field[id^=field-]")) {
      const name = field.id.slice(6);
      const item = places.get(name);
      if (item) mark(field, item);
      else field.querySelector(":scope > .tr-sweep-mark")?.remove();
      range(field, panel.querySelector(`.tr-ranges > [data-field="${name}"]`));
      field.toggleAttribute("data-swept", Boolean(item && "on" in item.dataset));
    }
  };

  const watch = (elements, change) => {
    let waiting = 0;
    const soon = () => (waiting ||= requestAnimationFrame(() => ((waiting = 0), change())));
    const observer = new MutationObserver(soon);
    for (const element of elements) observer.observe(element, { childList: true, subtree: true });
    change();
  };

  // At once, though the server hears of it later: the page may be left in between.
  const remember = () => {
    const kept = JSON.parse(sweep.recall() || "null");
    if (kept) sweep.keep(JSON.stringify({ ...kept, texts: { ...kept.texts, ...Object.fromEntries(texts) } }));
  };

  const asking = () => {
    let pause = 0;
    const ask = (name, id) => {
      clearTimeout(pause);
      send.action({ name, id, values: Object.fromEntries(texts) });
    };
    const typed = (event) => {
      const control = event.target;
      const root = control.matches?.(controls) && !control.closest(".tr-import") && control.closest(".tr-range, .tr-sweep");
      if (!root) return;
      read(root);
      remember();
      clearTimeout(pause);
      if ("turns" in control.dataset) return ask("turn", control.name.split(".")[0]);
      pause = setTimeout(() => send.typed({ name: "edit", id: "", values: Object.fromEntries(texts) }), PAUSE);
    };
    return { ask, typed };
  };
  const buttons = (ask, element) => (event) => {
    const button = event.target.closest?.("[data-sweep-field], #train-sweep button[data-act]");
    if (!button) return;
    const { act, sweepField } = button.dataset;
    if (!sweepField) return ask(act, "");
    ask("field", sweepField);
    element.dataset.focus = sweepField; // where the focus goes when the controls are there
  };
  const focus = (element) => {
    const input = fieldOf(element.dataset.focus)?.querySelector(".tr-range :is(input:not([type=hidden]), textarea)");
    if (!input) return;
    delete element.dataset.focus;
    input.focus();
  };

  // `events` tell what a person did, and ask anew when the recipe has changed, as the panel of checks shows.
  sweep.panel = (element, events) => {
    [panel, send] = [element, events];
    const { ask, typed } = asking();
    document.addEventListener("input", typed);
    document.addEventListener("click", buttons(ask, element));
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      send.action({ name: "import", id: "", values: Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (event.target))) });
    });
    let shown = "";
    const draw = () => {
      const made = element.querySelector(".tr-sweep")?.dataset.made || ""; // new when the server has drawn it anew
      if (made !== shown) {
        [shown, texts] = [made, new Map()];
        for (const root of element.querySelectorAll(".tr-sweep, .tr-ranges > *")) read(root);
      }
      place();
      focus(element);
    };
    watch([element, document.getElementById("train-recipe")], draw);
    new MutationObserver(() => element.querySelector(".tr-sweep") && send.look()).observe(document.getElementById("train-checks"), { childList: true, subtree: true });
  };

  // Each problem stands at what it is about, and in the list where that is nowhere to be seen.
  const say = (place, item) => {
    const note = place.querySelector("p[role=status]");
    note.hidden = false;
    note.textContent = item.querySelector("span").textContent;
    place.dataset.level = item.dataset.level;
  };
  const clear = () => {
    for (const place of document.querySelectorAll(".tr-range[data-level], .tr-part[data-level]")) {
      place.querySelector("p[role=status]").hidden = true;
      place.removeAttribute("data-level");
    }
  };
  sweep.outcome = (element, trigger) => {
    tunesmith.actions(element, (detail) => trigger({ ...detail, values: Object.fromEntries(texts) }));
    const draw = () => {
      clear();
      for (const item of element.querySelectorAll("li[data-for]")) {
        const name = item.dataset.for;
        const place = fieldOf(name)?.querySelector(".tr-range") || document.querySelector(`.tr-part[data-part="${name}"]`);
        if (place && !place.dataset.level) say(place, item);
      }
      for (const time of element.querySelectorAll("time[data-after]")) {
        const end = new Date(Date.now() + 1000 * Number(time.dataset.after));
        const soon = end.toDateString() === new Date().toDateString();
        const clock = end.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
        time.textContent = soon ? clock : `${end.toLocaleDateString([], { day: "numeric", month: "short" })}, ${clock}`;
      }
    };
    let before = "";
    watch([element, document.getElementById("train-recipe")], () => {
      const now = element.innerHTML + document.querySelectorAll("#train-recipe .tr-range").length;
      if (now === before) return;
      draw();
      before = element.innerHTML + document.querySelectorAll("#train-recipe .tr-range").length;
    });
  };
})();
