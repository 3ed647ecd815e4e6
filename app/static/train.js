// The Train form: problems and origins stand at their fields, groups fold and are searched, drafts stay in the browser.
(() => {
  const tunesmith = window.tunesmith;
  const train = (tunesmith.train = /** @type {Train} */ ({}));
  const inputs = "input, textarea";
  const key = () => "tunesmith-train" + location.search;
  const fieldOf = (name) => document.getElementById("field-" + name);
  // All that is known here of the HTML Gradio makes, which a new Gradio may change.
  const gradio = {
    invisible: "hidden", // the class of a component that is not shown
    tabButton: (id) => document.getElementById(`${id}-button`),
    accordionTitle: (id) => document.querySelector(`#${id} > button > span`),
    openAccordion: (id) => document.querySelector(`#${id} > button.label-wrap:not(.open)`)?.click(),
  };
  const groups = () => document.querySelectorAll("#advanced .tr-section");

  // What was typed is kept, one draft for each address of the page, until it is started or thrown away.
  train.keep = (names, name, given, values) => {
    const form = Object.fromEntries(names.map((field, i) => [field, values[i]]));
    localStorage.setItem(key(), JSON.stringify({ name, given, form }));
  };
  train.recall = () => localStorage.getItem(key()) || "";
  train.forget = () => localStorage.removeItem(key());
  // Starting over keeps the address, and with it the dataset a link has chosen. What was thrown away can be had back
  // in this window, until the next time.
  const thrown = () => `thrown ${key()}`;
  train.startOver = () => {
    const draft = train.recall();
    if (draft) sessionStorage.setItem(thrown(), draft);
    train.forget();
    location.reload();
  };
  const bringBack = () => {
    localStorage.setItem(key(), sessionStorage.getItem(thrown()));
    sessionStorage.removeItem(thrown());
    location.reload();
  };
  const offerBack = () => {
    const reset = document.getElementById("train-reset");
    if (!reset || !sessionStorage.getItem(thrown()) || document.getElementById("train-back")) return;
    const button = Object.assign(document.createElement("button"), { type: "button", id: "train-back", className: "ts-button", textContent: "Undo start over" });
    button.addEventListener("click", bringBack);
    reset.after(button);
  };

  // When the last thing that was missing is there, the form is opened anew: its lists were made without it.
  let missing = false;
  document.addEventListener("ts-shown", () => {
    const now = Boolean(document.querySelector(".tr-nothing"));
    if (missing && !now) location.reload();
    missing = now;
  });

  // A change of the list, or of the form: what is folded away or of another method is not in the page until it is shown.
  const watch = (element, change, form) => {
    let waiting = 0;
    const soon = () => (waiting ||= requestAnimationFrame(() => ((waiting = 0), change())));
    const observer = new MutationObserver(soon);
    observer.observe(element, { childList: true, subtree: true });
    if (form) observer.observe(document.getElementById("train-recipe"), { childList: true, subtree: true });
    change();
  };

  // Folding: a group is open while its button says so.
  const open = (section, yes) => {
    section.toggleAttribute("data-open", yes);
    section.querySelector(".tr-group").ariaExpanded = String(yes);
  };
  train.groups = (element) => {
    element.addEventListener("click", () => {
      const section = element.closest(".tr-section");
      open(section, !section.hasAttribute("data-open"));
    });
  };
  const show = (field) => {
    gradio.tabButton("view-form")?.click();
    if (!field.closest("#advanced")) return;
    gradio.openAccordion("advanced");
    const section = field.closest(".tr-section");
    if (section) open(section, true);
  };

  // Each problem is also written at its field: an attribute that the stylesheet shows, and aria-invalid on the input.
  // `look` asks for the panel anew when rows are counted; `back` writes the form's recipe over a YAML that is none.
  train.problems = (element, trigger, look, back) => {
    tunesmith.actions(element, (detail) => (detail.name === "form" ? back() : trigger(detail)));
    element.addEventListener("ts-shown", () => element.querySelector("[data-done]") && look());
    // Nothing is typed into a form that has not been filled in yet: it would be lost, and judged with empty fields.
    const form = document.getElementById("train");
    const write = () => {
      form.inert = !element.querySelector("#checks-title");
      offerBack();
      document.querySelectorAll(".field[data-problem]").forEach((field) => {
        for (const name of ["data-problem", "data-level"]) field.removeAttribute(name);
        field.querySelectorAll(inputs).forEach((input) => input.removeAttribute("aria-invalid"));
      });
      element.querySelectorAll("li[data-field]").forEach(({ dataset }) => {
        const field = fieldOf(dataset.field);
        if (!field || field.dataset.problem) return;
        Object.assign(field.dataset, { problem: dataset.message, level: dataset.level });
        if (dataset.level === "error") field.querySelectorAll(inputs).forEach((input) => (input.ariaInvalid = "true"));
      });
    };
    watch(element, write, true);

    element.addEventListener("click", (event) => {
      const row = !event.target.closest("[data-act]") && event.target.closest("li[data-field]");
      if (!row) return;
      if (row.dataset.field === "yaml") {
        gradio.tabButton("view-yaml")?.click();
        setTimeout(() => document.querySelector("#recipe-yaml .cm-content")?.focus(), 60);
      }
      const field = fieldOf(row.dataset.field);
      if (!field) return;
      show(field);
      setTimeout(() => {
        field.scrollIntoView({ block: "center" });
        field.querySelector(inputs)?.focus();
      }, 60);
    });
  };

  // A line of the YAML with something wrong on it is marked in the editor, which draws its lines anew as it likes.
  train.yaml = (element) => {
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets.push(sheet);
    const rule = (line) => `#recipe-yaml .cm-line:nth-child(${line}) { background: var(--ts-bad-soft); }`;
    watch(element, () => {
      const lines = [...element.querySelectorAll("li[data-line]")].map((item) => Number(item.dataset.line));
      sheet.replaceSync(lines.filter(Boolean).map(rule).join("\n"));
    });
  };

  // Where a value came from is a small button at its field; a click puts the value back. Groups count theirs.
  const mark = (field, { dataset }) => {
    const { field: name, from, back } = dataset;
    let button = field.querySelector(":scope > .tr-from");
    if (!button) {
      button = Object.assign(document.createElement("button"), { type: "button", className: "tr-from" });
      field.append(button);
    }
    if (button.textContent !== from) button.textContent = from;
    button.title = `From: ${from}. Click for ${back} again.`;
    button.ariaLabel = `From ${from}. Set to ${back} again.`;
    button.dataset.field = name;
  };
  const count = (holder, number) => {
    if (!holder) return;
    if (number) holder.dataset.changed = number;
    else delete holder.dataset.changed;
  };
  train.marks = (element, trigger) => {
    const write = () => {
      const marks = new Map([...element.querySelectorAll("li")].map((item) => [item.dataset.field, item]));
      document.querySelectorAll("#train-recipe .field[id^=field-]").forEach((field) => {
        const found = marks.get(field.id.slice(6));
        if (found) mark(field, found);
        else field.querySelector(":scope > .tr-from")?.remove();
      });
      const grouped = [...marks.values()].map(({ dataset }) => dataset.group).filter(Boolean);
      count(gradio.accordionTitle("advanced"), grouped.length);
      for (const section of groups()) count(section.querySelector(".tr-group b"), grouped.filter((group) => group === section.id).length);
    };
    watch(element, write, true);
    document.addEventListener("click", (event) => {
      const button = event.target.closest?.(".tr-from");
      if (!button) return;
      button.parentElement.querySelector(inputs)?.focus();
      trigger({ name: "put back", id: button.dataset.field });
    });
  };

  // The buttons of the presets are drawn anew with every change; the one that had the focus keeps it.
  train.presets = (element, trigger) => {
    let last = "";
    element.addEventListener("focusin", (event) => (last = /** @type {HTMLElement} */ (event.target).dataset.id || ""));
    element.addEventListener("focusout", (event) => event.relatedTarget && (last = ""));
    tunesmith.actions(element, trigger);
    watch(element, () => {
      if (last && document.activeElement === document.body) element.querySelector(`[data-id="${CSS.escape(last)}"]`)?.focus();
    });
  };

  // Saved recipes: a file that is chosen stands in the box, to be looked at before it is brought in.
  train.recipes = (element, trigger) => {
    tunesmith.actions(element, trigger);
    element.addEventListener("change", async (event) => {
      const input = /** @type {HTMLInputElement} */ (event.target);
      const [file] = input.files || [];
      if (file) input.form.querySelector("textarea[name=text]").value = (await file.text()).slice(0, 100_000);
    });
  };

  // Find a setting: every word has to stand in the name, label, description or group of a field.
  const text = (field) => `${field.id.slice(6)} ${field.id.slice(6).replaceAll("_", " ")} ${field.textContent}`.toLowerCase();
  train.search = (element) => {
    const input = element.querySelector("input");
    const none = element.querySelector("p");
    const find = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let hits = 0;
      for (const section of groups()) {
        const title = section.querySelector(".tr-group b").textContent.toLowerCase();
        for (const field of section.querySelectorAll(".field")) {
          const all = title + " " + text(field);
          const hit = words.every((word) => all.includes(word));
          field.toggleAttribute("data-missed", !hit);
          if (hit && !field.classList.contains(gradio.invisible)) hits += 1;
        }
      }
      document.getElementById("advanced").toggleAttribute("data-finding", words.length > 0);
      for (const section of groups()) section.querySelector(".tr-group").ariaExpanded = String(words.length > 0 || section.hasAttribute("data-open"));
      none.hidden = hits > 0 || !words.length;
    };
    input.addEventListener("input", find);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && input.value) {
        input.value = "";
        find();
      } else if (event.key === "Enter") {
        event.preventDefault();
        document.querySelector(`#advanced .field:not(.${gradio.invisible}, [data-missed]) :is(${inputs})`)?.focus();
      }
    });
  };
})();
