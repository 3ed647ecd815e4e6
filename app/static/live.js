// <ts-live src seconds>: HTML from the server that keeps itself fresh. Only what changed in it is touched, so the
// focus, an open <details>, a scroll position and a selected text stay where they are.
(() => {
  const tunesmith = window.tunesmith;
  const LONGEST_WAIT = 10_000;
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
  // What a person changes in the page is theirs: an opened <details>, a chosen tab.
  const kept = (node, name) => name === "open" && node.nodeName === "DETAILS";

  function patch(from, to) {
    if (from.nodeType !== 1) {
      if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
      return;
    }
    if (from.hasAttribute("data-keep") && from.id === to.id) return;
    attributes(from, to);
    if (from.nodeName !== "INPUT" && from.nodeName !== "TEXTAREA") children(from, to);
  }

  function children(from, to) {
    let place = from.firstChild;
    for (const next of [...to.childNodes]) {
      const wanted = key(next);
      let match = place;
      if (wanted) while (match && key(match) !== wanted) match = match.nextSibling;
      if (match && same(match, next)) {
        if (match !== place) from.insertBefore(match, place);
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
    children(element, template.content);
  };

  // The line at the bottom that says when the server is gone.
  const lost = new Set();
  tunesmith.connection = (who, fine) => {
    fine ? lost.delete(who) : lost.add(who);
    const line = document.getElementById("ts-connection");
    if (line) line.hidden = lost.size === 0;
  };

  class Live extends HTMLElement {
    connectedCallback() {
      this.wait = this.wait || Number(this.getAttribute("seconds")) * 1000 * SLOWER;
      this.seen = () => !document.hidden && this.now();
      this.asked = () => this.now();
      document.addEventListener("visibilitychange", this.seen);
      document.addEventListener("tunesmith-query", this.asked);
      document.addEventListener("tunesmith-refresh", this.asked);
      this.remembered();
      this.now();
    }

    disconnectedCallback() {
      clearTimeout(this.timer);
      tunesmith.connection(this, true);
      document.removeEventListener("visibilitychange", this.seen);
      document.removeEventListener("tunesmith-query", this.asked);
      document.removeEventListener("tunesmith-refresh", this.asked);
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

    now() {
      clearTimeout(this.timer);
      const turn = (this.turn = (this.turn || 0) + 1);
      this.ask(turn).then((wait) => {
        if (turn === this.turn && this.isConnected) this.timer = setTimeout(() => this.now(), wait);
      });
    }

    async ask(turn) {
      if (document.hidden && this.html !== undefined) return LONGEST_WAIT;
      const address = this.address();
      try {
        const answer = await fetch(address, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(20_000) });
        const text = answer.ok ? await answer.text() : await refusal(answer);
        if (turn !== this.turn) return this.wait;
        tunesmith.connection(this, answer.ok || answer.status < 500);
        this.failures = 0;
        if (answer.ok || answer.status < 500) this.show(text, address);
        return this.wait;
      } catch {
        if (turn === this.turn) tunesmith.connection(this, false);
        this.failures = (this.failures || 0) + 1;
        return Math.min(LONGEST_WAIT, 1000 * 1.6 ** this.failures);
      }
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

  // An error of ours, as {"error": {"message", "hint"}}, in words.
  async function refusal(answer) {
    const box = document.createElement("div");
    const said = await answer.json().then((body) => body.error, () => null);
    box.className = "ts-notice";
    box.dataset.tone = "warn";
    box.append(Object.assign(document.createElement("b"), { textContent: said?.message || `The studio answered ${answer.status}.` }));
    box.append(Object.assign(document.createElement("p"), { textContent: said?.hint || "Reload the page." }));
    return box.outerHTML;
  }

  customElements.define("ts-live", Live);
  tunesmith.refresh = () => document.dispatchEvent(new CustomEvent("tunesmith-refresh"));

  // Buttons and forms with data-act inside `element` become one Gradio event with {name, id, values}.
  tunesmith.actions = (element, trigger) => {
    const send = async (source, values) => {
      const { act, confirm } = source.dataset;
      const id = source.dataset.id ?? source.closest("[data-id]")?.dataset.id ?? "";
      if (confirm && !(await tunesmith.confirm(confirm, source.textContent.trim(), source.dataset.tone === "danger"))) return;
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
