// The Code page: the cursor of the editor, files from this machine, a draft that stays, keys, and what an event asks of the browser.
(() => {
  const tunesmith = window.tunesmith;
  const code = (tunesmith.code = /** @type {Code} */ ({}));
  const MOST_UPLOADED = 1_000_000; // characters of all files that are chosen at once
  const addressed = () => new URLSearchParams(location.search).get("snippet") || "";
  const key = (id) => `tunesmith-code${id ? "-" + id : ""}`;
  // All that is known here of the HTML Gradio and CodeMirror make, which a new version may change.
  const editor = {
    content: () => /** @type {any} */ (document.querySelector("#code-editor .cm-content")),
    view() {
      const drawn = editor.content()?.cmTile ?? editor.content()?.cmView;
      return drawn?.root?.view ?? drawn?.view;
    },
  };

  // Where the cursor stands in the open file, in code points from its beginning as Python counts; -1 without an editor.
  const cursor = () => {
    const state = editor.view()?.state;
    return state ? [...state.sliceDoc(0, state.selection.main.head)].length : -1;
  };
  // The newest version that the editor's text knows of: whether another window has kept one since.
  let base = 0;
  code.place = () => [cursor(), base];

  // What was typed and not kept yet stays in this browser, one draft for each snippet and one without. Each tab has its
  // own, which a reload finds again; the last one written is there for a tab that is opened later.
  const TAB = crypto.randomUUID?.() || String(Math.random());
  const stores = [sessionStorage, localStorage];
  let draft = null;
  let waiting = 0;
  const write = () => {
    clearTimeout(waiting);
    if (!draft) return;
    for (const store of stores) {
      try {
        store.setItem(key(draft.snippet), JSON.stringify(draft));
      } catch {
        store.removeItem(key(draft.snippet)); // full: half a draft would be worse than none
      }
    }
  };
  const parsed = (text) => {
    try {
      return JSON.parse(text) || {};
    } catch {
      return {};
    }
  };
  code.keep = (snippet, files, opened, text, task, language, model) => {
    draft = { snippet, files, opened, text, task, language, model, base: String(base), tab: TAB };
    clearTimeout(waiting);
    waiting = window.setTimeout(write, 250);
  };
  // The same for what changes without a key: while a model writes, or just after something was put into the task.
  const PUT = 2_000; // milliseconds
  let put = -PUT;
  document.addEventListener("input", (event) => {
    if (event.target.closest?.("#code-task")) put = performance.now();
  }, true);
  const isWriting = () => document.querySelector('#code-told [data-busy="write"]') !== null;
  code.keepGrown = (...fields) => {
    if (isWriting() || performance.now() - put < PUT) code.keep(...fields);
  };
  code.recall = () => {
    const name = key(addressed());
    const text = sessionStorage.getItem(name) || localStorage.getItem(name) || "";
    if (text) sessionStorage.setItem(name, JSON.stringify({ ...parsed(text), tab: TAB }));
    if (text && localStorage.getItem(name) === text) localStorage.setItem(name, sessionStorage.getItem(name));
    return text;
  };
  const forget = (id) => {
    clearTimeout(waiting);
    draft = null;
    for (const name of [key(id), key("")]) {
      sessionStorage.removeItem(name);
      if (parsed(localStorage.getItem(name)).tab === TAB) localStorage.removeItem(name); // another tab's stays
    }
  };
  addEventListener("pagehide", write);

  // What an event asks of the browser: the address of the snippet it has made, a file to save, another page.
  const ASKED = {
    at(query) {
      const address = new URLSearchParams(location.search);
      for (const [name, value] of Object.entries(query)) value ? address.set(name, value) : address.delete(name);
      history.replaceState(null, "", address.size ? `/code?${address}` : "/code");
      document.dispatchEvent(new CustomEvent("tunesmith-query"));
    },
    kept: (id) => forget(id),
    base: (number) => (base = number),
    to(href) {
      draft = null;
      location.href = href;
    },
    save({ name, text }) {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
      link.download = name.split("/").pop();
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    },
  };
  code.told = (element) => {
    let last = "";
    const look = () => {
      const told = element.querySelector("[data-do]");
      if (!told || told.dataset.number === last) return;
      last = told.dataset.number;
      for (const [name, value] of Object.entries(JSON.parse(told.dataset.do))) ASKED[name](value);
    };
    new MutationObserver(look).observe(element, { childList: true, subtree: true, attributes: true });
    look();
  };
  const busy = () => document.querySelector("#code-told [data-busy]");
  code.rest = () => busy()?.removeAttribute("data-busy");
  // A studio that is gone ends what it was doing. If it was only slow, its next word overwrites this.
  document.addEventListener("tunesmith-connection", (event) => {
    const line = busy();
    if (!line || !(/** @type {CustomEvent} */ (event).detail)) return;
    code.rest();
    line.dataset.tone = "bad";
    line.textContent = "The studio does not answer any more. What is in the editor stays in this browser.";
  });

  // The files: tabs, names, and files of this machine, which the browser reads itself.
  async function read(input, trigger) {
    const files = [...input.files];
    input.value = "";
    const most = files.reduce((sum, file) => sum + file.size, 0);
    const texts = most > MOST_UPLOADED ? [] : await Promise.all(files.map((file) => file.text()));
    const values = Object.fromEntries(texts.map((text, at) => [files[at].name, text]));
    if (files.length) trigger({ name: texts.length ? "upload" : "too-large", id: String(most), values });
  }
  code.tabs = (element, trigger) => {
    tunesmith.actions(element, (detail) => {
      for (const menu of element.querySelectorAll("details[open]")) menu.open = false;
      trigger(detail);
    });
    element.addEventListener("change", (event) => {
      const input = /** @type {HTMLInputElement} */ (event.target);
      if (input.matches("[data-upload]")) read(input, trigger);
    });
  };

  const TAKEN = 100; // milliseconds until a field has told Gradio of its value
  // Ctrl+S keeps; Ctrl+Enter writes from the task and runs from the editor.
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || !document.getElementById("code")) return;
    const press = (selector) => {
      event.preventDefault();
      event.stopPropagation();
      setTimeout(() => document.querySelector(selector)?.click(), TAKEN); // what was typed a moment ago counts
    };
    if (tunesmith.keyOf(event) === "s") press('#live-code-head [data-act="save"]');
    else if (event.key === "Enter") press(event.target.closest("#code-editor") ? "#code-run" : '#code-actions [data-act="write"]');
  }, true);
})();
