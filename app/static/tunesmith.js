// Theme, keyboard, projects, dialogs and links of the window. The other scripts build on `window.tunesmith`.
(() => {
  const root = document.documentElement;
  const tunesmith = (window.tunesmith = /** @type {Tunesmith} */ ({}));

  // Theme: a choice is kept; without one the system's is followed.
  tunesmith.dark = () => root.classList.contains("dark");
  tunesmith.theme = (name) => {
    root.classList.toggle("dark", name === "dark");
    root.style.colorScheme = name;
    document.body?.classList.toggle("dark", name === "dark");
    document.dispatchEvent(new CustomEvent("tunesmith-theme"));
  };
  const chosen = () => localStorage.getItem("tunesmith-theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", () => chosen() || tunesmith.theme(system.matches ? "dark" : "light"));
  tunesmith.toggleTheme = () => {
    const name = tunesmith.dark() ? "light" : "dark";
    localStorage.setItem("tunesmith-theme", name);
    tunesmith.theme(name);
  };
  // Gradio sets its own idea of the theme when it starts; ours is the one that counts.
  const keepTheme = () => {
    if (document.body.classList.contains("dark") !== tunesmith.dark()) document.body.classList.toggle("dark", tunesmith.dark());
  };
  // On narrow screens the pages are folded under a button.
  const fold = (open) => document.querySelector("[data-fold]")?.setAttribute("aria-expanded", String(open));
  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(keepTheme).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  });

  // Projects: the choice is a cookie that the server reads with every fragment and event.
  tunesmith.project = (id) => {
    if (!id) return tunesmith.refresh?.();
    const far = 60 * 60 * 24 * 365;
    const embedded = window.top !== window ? "; SameSite=None; Secure" : "; SameSite=Strict";
    document.cookie = `tunesmith_project=${encodeURIComponent(id)}; path=/; max-age=${far}${embedded}`;
    location.assign(location.pathname);
  };

  // One dialog asks before anything that cannot be taken back.
  const dialog = () => {
    let element = /** @type {HTMLDialogElement | null} */ (document.getElementById("confirm"));
    if (element) return element;
    element = document.createElement("dialog");
    Object.assign(element, { id: "confirm", className: "ts-dialog" });
    element.innerHTML =
      '<form method="dialog"><p></p><div><button value="" class="ts-button">Cancel</button>' +
      '<button value="yes" class="ts-button" data-tone="primary"></button></div></form>';
    (document.querySelector(".gradio-container") || document.body).append(element);
    return element;
  };
  tunesmith.confirm = (question, label, danger) =>
    new Promise((answer) => {
      const element = dialog();
      const yes = element.querySelector("[value=yes]");
      element.querySelector("p").textContent = question;
      yes.textContent = label || "Yes";
      yes.dataset.tone = danger ? "danger-solid" : "primary";
      element.returnValue = "";
      element.addEventListener("close", () => answer(element.returnValue === "yes"), { once: true });
      element.showModal();
    });

  // A soft link changes the query of the page it is on; live parts and charts follow.
  tunesmith.go = (href, replaces = false) => {
    replaces ? history.replaceState(null, "", href) : history.pushState(null, "", href);
    document.dispatchEvent(new CustomEvent("tunesmith-query"));
  };
  addEventListener("popstate", () => document.dispatchEvent(new CustomEvent("tunesmith-query")));

  const plainClick = (event) => event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest?.(selector);
    for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!event.composedPath().includes(menu)) menu.open = false;
    if (at("[data-theme-toggle]")) return tunesmith.toggleTheme();
    fold(Boolean(at('[data-fold][aria-expanded="false"]')));
    const project = at("[data-project]");
    if (project) return tunesmith.project(project.dataset.project);
    const skip = at(".ts-skip");
    if (skip) return document.getElementById("content")?.focus();
    const soft = at("a[data-soft]");
    if (soft && plainClick(event)) {
      event.preventDefault();
      return soft.dataset.toggle ? toggle(soft) : tunesmith.go(soft.getAttribute("href"));
    }
    const row = at("tr[data-href]");
    if (row?.dataset.href && plainClick(event) && !at("a, button, input, summary") && !String(getSelection())) tunesmith.go(row.dataset.href);
    const copy = at("[data-copy]");
    if (copy) tunesmith.copy(copy);
  });

  // A link with data-toggle="chosen" puts its data-value into that list of the address, or takes it out. The address as
  // it is now counts: of two quick clicks the second does not know of the first, for its page was drawn before.
  const toggle = (link) => {
    const { toggle: name, value, now = "", most = "1000" } = link.dataset;
    const query = new URLSearchParams(location.search);
    const listed = (query.get(name) ?? now).split(",").filter(Boolean);
    const others = listed.filter((one) => one !== value);
    const chosen = others.length === listed.length;
    if (chosen && listed.length >= Number(most)) return;
    if (chosen) others.push(value);
    others.length ? query.set(name, others.join(",")) : query.delete(name);
    link.setAttribute(link.hasAttribute("aria-pressed") ? "aria-pressed" : "aria-checked", String(chosen));
    tunesmith.go(`${location.pathname}?${String(query).replaceAll("%2C", ",")}`);
  };

  // A form with data-query puts its fields into the address: when it is sent, and with data-query="change" at once.
  const ask = (form, replaces = false) => {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of new FormData(form)) value ? query.set(name, String(value)) : query.delete(name);
    for (const name of (form.dataset.forget || "").split(" ")) query.delete(name);
    tunesmith.go(`${location.pathname}?${query}`, replaces);
  };
  document.addEventListener("submit", (event) => {
    const form = event.target.closest?.("form[data-query]");
    if (!form) return;
    event.preventDefault();
    ask(form);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest?.('form[data-query="change"]');
    if (form && !event.target.closest("[type=range], [data-live]")) ask(form);
  });
  // A slider is followed while it moves, without a step back for each place it came by.
  document.addEventListener("input", (event) => {
    const form = event.target.closest('form[data-query="change"]');
    if (form && event.target.closest("[type=range]")) ask(form, true);
  });

  // A field with data-live is followed while one types, a moment behind.
  let typed;
  document.addEventListener("input", (event) => {
    const form = event.target.closest('form[data-query="change"]');
    if (!form || !event.target.closest("[data-live]")) return;
    clearTimeout(typed);
    typed = setTimeout(() => ask(form, true), 300);
  });

  // Copies the text of the element the button names, and says so on the button.
  tunesmith.copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    if (!source) return;
    if (navigator.clipboard) await navigator.clipboard.writeText(source.textContent);
    else {
      // Plain HTTP from another machine: browsers give no clipboard there, but copy what is selected.
      getSelection().selectAllChildren(source);
      document.execCommand("copy");
    }
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = before), 1500);
  };

  // A key that belongs to an input method, such as the Enter that ends a syllable of Korean, is no command: it sends
  // nothing and closes nothing. The code editor has rules of its own.
  const compose = (event) => {
    const composing = event.isComposing || event.keyCode === 229; // the second in Safari, after its end
    if (composing && !event.target.closest?.(".cm-editor")) event.stopImmediatePropagation();
  };
  addEventListener("keydown", compose, true);
  addEventListener("keypress", compose, true);
  // The letter on the key, where the keyboard writes another script: ㅎ stands on the key of g.
  tunesmith.keyOf = (event) => (event.key.length === 1 && event.key > "~" ? event.code.replace(/^Key/, "") : event.key).toLowerCase();

  // Keyboard: g and a page's key goes there, t changes the theme, Escape closes a menu.
  const typing = (target) => target.closest?.("input, textarea, select, [contenteditable=true], dialog[open]");
  let waiting = 0;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return closeMenus();
    const pressed = event.key === " " && event.target.closest?.('a[role="checkbox"], a[role="button"]');
    if (pressed) {
      event.preventDefault(); // a box or button made of a link: Space presses it, and does not scroll
      return pressed.click();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const key = tunesmith.keyOf(event);
    if (Date.now() < waiting) {
      waiting = 0;
      const link = document.querySelector(".ts-nav")?.querySelector(`a[data-key="${CSS.escape(key)}"]`);
      if (link) {
        event.preventDefault();
        return location.assign(link.href);
      }
    }
    if (key === "g") waiting = Date.now() + 1200;
    else if (key === "t") tunesmith.toggleTheme();
  });
  const closeMenus = () => {
    fold(false);
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  };
})();
