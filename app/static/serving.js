// <ts-origin>: the address this browser reaches the studio at, for the examples on the Serve and System pages.
customElements.define(
  "ts-origin",
  class extends HTMLElement {
    connectedCallback() {
      this.textContent = location.origin;
    }
  },
);

// The Serve page: folds that are fetched when they are opened, and a prompt to an endpoint.
(() => {
  const tunesmith = window.tunesmith;

  // <ts-fold src seconds>: the content of a <details>, fetched each time it is opened; with `seconds` also while it is.
  class Fold extends HTMLElement {
    connectedCallback() {
      this.details = this.closest("details");
      this.polling = tunesmith.poll(this, async (get) => {
        this.show(await get(this.address(), "text/html"));
        return Number(this.getAttribute("seconds")) * 1000;
      });
      this.toggled = () => this.changed();
      this.details?.addEventListener("toggle", this.toggled);
      this.addEventListener("change", (event) => event.target.closest("form[data-fold]") && this.load());
      if (this.details?.open) this.changed();
    }

    disconnectedCallback() {
      this.polling.stop();
      this.details?.removeEventListener("toggle", this.toggled);
    }

    changed() {
      if (!this.hasAttribute("seconds")) return this.details.open && this.load();
      if (this.details.open) this.polling.start();
      else this.polling.stop();
    }

    address() {
      const query = new URLSearchParams({ origin: location.origin });
      const form = this.querySelector("form[data-fold]");
      for (const [name, value] of form ? new FormData(form) : []) query.set(name, String(value));
      return `${this.getAttribute("src")}&${query}`;
    }

    async load() {
      this.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(this.address(), { headers: { accept: "text/html" } });
        this.show({ ok: answer.ok, status: answer.status, text: await answer.text() });
      } catch {
        this.show({ ok: false, status: 0, text: '{"error": {"message": "The studio does not answer."}}' });
      } finally {
        this.removeAttribute("aria-busy");
      }
    }

    show({ ok, status, text }) {
      tunesmith.patch(this, ok ? text : tunesmith.refusal(status, text));
    }
  }
  customElements.define("ts-fold", Fold);

  // Code with a key that was just made: JSON with the fold's id and its content; empty after every other act.
  tunesmith.put = (text) => {
    if (!text) return;
    const { id, html } = JSON.parse(text);
    const fold = document.getElementById(id);
    if (fold) tunesmith.patch(fold, html);
  };

  // Brings an element into sight when the page was opened for it.
  tunesmith.reveal = (id, ...parameters) => {
    const query = new URLSearchParams(location.search);
    if (parameters.some((name) => query.has(name))) document.getElementById(id)?.scrollIntoView({ block: "start" });
  };

  // The text of one line of a stream; "" for a line that has none.
  function piece(line) {
    if (!line.startsWith("data: {")) return "";
    const event = JSON.parse(line.slice(6));
    if (event.error) throw new Error(event.error.message || "The model broke off.");
    const choice = event.choices?.[0];
    return choice?.delta?.content ?? choice?.text ?? "";
  }

  // What each call of /v1 is sent.
  const QUESTIONS = {
    "chat/completions": ({ prompt }) => ({ messages: [{ role: "user", content: prompt }], stream: true, max_tokens: 512 }),
    completions: ({ prompt }) => ({ prompt, stream: true, max_tokens: 512 }),
    embeddings: ({ prompt }) => ({ input: prompt }),
    score: ({ prompt, answer }) => ({ text_1: prompt, text_2: answer }),
  };

  // A vector or a score in a line; "" for neither.
  function numbers({ data: [{ embedding, score }] }) {
    if (typeof score === "number") return `Score ${score.toFixed(4)}`;
    const some = embedding.slice(0, 8).map((value) => value.toFixed(4));
    return `${embedding.length} numbers: ${some.join(", ")}${embedding.length > 8 ? ", …" : ""}`;
  }

  async function ask(form, output, took, signal) {
    const { model, route, ...texts } = Object.fromEntries(new FormData(form));
    const began = performance.now();
    const answer = await fetch(`/v1/${route}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, ...QUESTIONS[route](texts) }),
      signal,
    });
    if (!answer.ok) throw new Error(tunesmith.errorIn(await answer.text()).message || `The studio answered ${answer.status}.`);
    if (route === "embeddings" || route === "score") {
      output.textContent = numbers(await answer.json());
      took.textContent = `After ${((performance.now() - began) / 1000).toFixed(2)} s.`;
      return;
    }
    let first = 0;
    for await (const text of pieces(answer.body)) {
      first ||= performance.now() - began;
      output.textContent += text;
    }
    if (!first) throw new Error("The answer was empty.");
    const all = (performance.now() - began) / 1000;
    took.textContent = `First words after ${(first / 1000).toFixed(2)} s, all of it after ${all.toFixed(2)} s.`;
  }

  async function* pieces(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let whole = false; // a stream that was torn has no end mark
    for (;;) {
      const { value, done } = await reader.read();
      const lines = (rest + (value ?? "")).split("\n");
      rest = done ? "" : lines.pop();
      for (const line of lines) {
        whole ||= line.startsWith("data: [DONE]");
        const text = piece(line);
        if (text) yield text;
      }
      if (done && !whole) throw new Error("The answer broke off.");
      if (done) return;
    }
  }

  async function tried(form) {
    const [output, took, stop] = ["output", "[data-took]", "[data-stop]"].map((selector) => form.querySelector(selector));
    const send = form.querySelector("[type=submit]");
    const stopping = new AbortController();
    stop.onclick = () => stopping.abort();
    output.textContent = took.textContent = "";
    output.hidden = stop.hidden = false;
    send.disabled = true;
    delete output.dataset.tone;
    try {
      await ask(form, output, took, stopping.signal);
    } catch (error) {
      if (stopping.signal.aborted) took.textContent = "Stopped.";
      else {
        output.dataset.tone = "bad";
        output.textContent += (output.textContent ? "\n" : "") + error.message;
      }
    } finally {
      stop.hidden = true;
      send.disabled = false;
    }
  }
  document.addEventListener("submit", (event) => {
    const form = event.target.closest?.("form[data-try]");
    if (!form) return;
    event.preventDefault();
    tried(form);
  });
})();
