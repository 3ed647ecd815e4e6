// <ts-live src seconds>: HTML from the server that keeps itself fresh. Only what changed in it is touched, so the
// focus, an open <details>, a scroll position and a selected text stay where they are.
(() => {
  const tunesmith = window.tunesmith;
  const SLOWER = window.top !== window ? 2 : 1; // in a frame (a Space) requests are limited

  const same = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && key(a) === key(b);
  const key = (node) => (node.nodeType === 1 ? node.id || node.dataset.key || (node.nodeName === "TR" ? node.dataset.id : "") || "" : "");

  function attributes(from, to) {
    for (const { name } of [...from.attributes]) {
      if (!to.hasAttribute(name) && !kept(from, name)) from.removeAttribute(name);
    }
    for (const { name, value } of to.attributes) {
      if (from.getAttribute(name) !== value && !kept(from, name)) from.setAttribute(name, value);
    }
  }
  // An element that looks after itself is told what is new in the attributes that it names.
  function freshen(from, to) {
    for (const name of (from.dataset.fresh || "").split(" ")) {
      const value = name && to.getAttribute(name);
      if (value && from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
  }
  // What a person changes in the page is theirs: an opened <details>, a chosen tab.
  // And what rests after it came under the pointer (settle.js) does so for its time.
  const kept = (node, name) => (name === "open" && node.nodeName === "DETAILS") || (name in RESTS && node.hasAttribute("data-resting"));
  const RESTS = { "data-resting": true, "aria-disabled": true };

  function patch(from, to) {
    if (from.nodeType !== 1) {
      if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
      return;
    }
    if (from.hasAttribute("data-keep") && from.id === to.id) return freshen(from, to);
    attributes(from, to);
    if (from.type === "range" && from !== document.activeElement) from.value = to.getAttribute("value");
    if (from.nodeName !== "INPUT" && from.nodeName !== "TEXTAREA") children(from, to);
  }

  // Where a browser can, what is moved keeps its state and the focus (Chromium from 133 on, Firefox from 144 on).
  tunesmith.move = (parent, node, before) => {
    if (parent.moveBefore && node.isConnected && parent.isConnected) parent.moveBefore(node, before);
    else parent.insertBefore(node, before);
  };

  function children(from, to) {
    let place = from.firstChild;
    for (const next of [...to.childNodes]) {
      const wanted = key(next);
      let match = place;
      if (wanted) while (match && key(match) !== wanted) match = match.nextSibling;
      if (match && same(match, next)) {
        if (match !== place) tunesmith.move(from, match, place);
        else place = place.nextSibling;
        patch(match, next);
      } else {
        from.insertBefore(next, place);
      }
    }
    while (place) {
      const gone = place;
      place = place.nextSibling;
      gone.remove();
    }
  }

  tunesmith.patch = (element, html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    tunesmith.settled(element, () => children(element, template.content));
  };

  class Live extends HTMLElement {
    static observedAttributes = ["at"]; // another one: something has happened, so it looks at once

    attributeChangedCallback(_name, before) {
      if (before !== null && this.isConnected) this.poll.now();
    }

    constructor() {
      super();
      this.poll = tunesmith.poll(this, (get) => this.ask(get));
    }

    connectedCallback() {
      this.asked = () => this.poll.now();
      document.addEventListener("tunesmith-query", this.asked);
      this.remembered();
      this.poll.start();
    }

    disconnectedCallback() {
      this.poll.stop();
      document.removeEventListener("tunesmith-query", this.asked);
    }

    address() {
      const src = this.getAttribute("src");
      return src + (src.includes("?") ? location.search.replace("?", "&") : location.search);
    }

    // What this tab showed last stands there while the first answer is on its way: no skeleton between two pages.
    remembered() {
      const html = sessionStorage.getItem(this.address());
      if (html !== null) tunesmith.patch(this, html);
    }

    async ask(get) {
      const address = this.address();
      const { ok, status, text } = await get(address, "text/html");
      this.show(ok ? text : refusal(status, text), address);
      return Number(this.getAttribute("seconds")) * 1000 * SLOWER;
    }

    show(text, address) {
      if (text !== this.html) {
        this.html = text;
        tunesmith.patch(this, text);
        this.dispatchEvent(new CustomEvent("ts-shown", { bubbles: true }));
      }
      try {
        sessionStorage.setItem(address, text);
      } catch {
        sessionStorage.clear(); // full: it is only a convenience
      }
    }
  }

  // An error of ours, {"error": {"message", "hint"}}, in words.
  function refusal(status, text) {
    const box = document.createElement("div");
    const { message, hint } = errorIn(text);
    box.className = "ts-notice";
    box.dataset.tone = "warn";
    box.append(Object.assign(document.createElement("b"), { textContent: message || `The studio answered ${status}.` }));
    box.append(Object.assign(document.createElement("p"), { textContent: hint || "Reload the page." }));
    return box.outerHTML;
  }

  function errorIn(text) {
    try {
      return JSON.parse(text).error ?? {};
    } catch {
      return {}; // a proxy's own page
    }
  }

  tunesmith.refusal = refusal;
  tunesmith.errorIn = errorIn;
  customElements.define("ts-live", Live);

  // Buttons and forms with data-act inside `element` become one Gradio event with {name, id, values}.
  tunesmith.actions = (element, trigger) => {
    const send = async (source, values) => {
      const { act, confirm } = source.dataset;
      const id = source.dataset.id ?? source.closest("[data-id]")?.dataset.id ?? "";
      if (confirm && !(await tunesmith.confirm(confirm, source.dataset.label || source.textContent.trim(), source.dataset.tone === "danger"))) return;
      source.setAttribute("aria-busy", "true");
      setTimeout(() => source.removeAttribute("aria-busy"), 1500);
      trigger({ name: act, id, values });
    };
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-act]");
      if (button && !button.disabled && button.getAttribute("aria-busy") !== "true") send(button, {});
    });
    element.addEventListener("submit", (event) => {
      const form = event.target.closest("form[data-act]");
      if (!form) return;
      event.preventDefault();
      send(form, Object.fromEntries(new FormData(form)));
    });
  };
})();
