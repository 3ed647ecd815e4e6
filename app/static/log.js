// <ts-log address>: what a worker or a server prints; the address is that of its log over REST. The end is followed by
// byte offset, as long as it is in sight; a search, or the way to the first error, shows that place instead. Lines that
// redraw a progress bar stand in one another's place. Whether long lines wrap is kept in this browser.
(() => {
  const tunesmith = window.tunesmith;
  const FIRST = 200_000; // bytes of the end that are shown at first
  const KEPT = 4000; // lines
  const SOON = 50; // there may be more at once
  const LATER = 2000;
  const REFUSED = 10_000;
  const TYPING = 300;
  const WRAP = "tunesmith-log-wrap"; // "off": long lines are scrolled to

  const element = (tag, fields = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), fields);
    made.append(...children);
    return made;
  };
  const button = (text, click) => element("button", { type: "button", className: "ts-button", onclick: click }, text);

  class Log extends HTMLElement {
    constructor() {
      super();
      this.poll = tunesmith.poll(this, (get) => this.ask(get));
    }

    connectedCallback() {
      if (!this.box) this.build();
      this.poll.start();
    }

    disconnectedCallback() {
      this.poll.stop();
    }

    get address() {
      return this.getAttribute("address");
    }

    build() {
      this.box = element("pre", { className: "ts-code", tabIndex: 0 }, "Nothing printed yet.");
      this.box.setAttribute("aria-label", "Log");
      this.box.id = `log-of-${this.address}`;
      this.words = element("input", { type: "search", className: "ts-input", placeholder: "Search", oninput: () => this.typed() });
      this.words.setAttribute("aria-label", "Search the log");
      this.level = element("select", { className: "ts-input", onchange: () => this.show() });
      this.level.setAttribute("aria-label", "Lines");
      for (const [value, text] of [["", "All lines"], ["warning", "Warnings"], ["error", "Errors"]])
        this.level.append(element("option", { value }, text));
      this.note = element("span", { className: "ts-log-note", role: "status" });
      this.back = button("Back to the end", () => this.follow());
      const first = button("First error", () => this.firstError());
      const download = element("a", { className: "ts-button", href: `${this.address}/download`, download: "" }, "Download");
      const copy = button("Copy");
      Object.assign(copy, { title: "Copy the lines that are shown" }).dataset.copy = this.box.id;
      this.wrap = button("Wrap lines", () => this.turn());
      const bar = element("div", { className: "ts-log-bar" }, this.words, this.level, first, this.note, this.back, this.wrap, copy, download);
      this.replaceChildren(bar, this.box);
      this.showWrap();
      this.follow();
    }

    turn() {
      localStorage.setItem(WRAP, localStorage.getItem(WRAP) === "off" ? "on" : "off");
      for (const log of document.querySelectorAll("ts-log")) if (log instanceof Log && log.box) log.showWrap();
    }

    showWrap() {
      const wraps = localStorage.getItem(WRAP) !== "off";
      this.wrap.setAttribute("aria-pressed", String(wraps));
      this.box.toggleAttribute("data-unwrapped", !wraps);
    }

    // Three ways to look: "end" follows the end, "place" reads on from an offset, "found" lists what a search found.
    begin(way, offset, note = "") {
      this.way = way;
      this.offset = offset;
      this.begun = false;
      this.last = null;
      this.note.textContent = note;
      this.back.hidden = way === "end";
      if (this.isConnected) this.poll.now();
    }

    follow() {
      this.words.value = this.level.value = "";
      this.begin("end", -FIRST);
    }

    typed() {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.show(), TYPING);
    }

    show() {
      if (this.words.value || this.level.value) this.begin("found", 0);
      else this.follow();
    }

    async firstError() {
      const answer = await fetch(`${this.address}/lines?level=error&limit=1`).catch(() => null);
      if (!answer) return (this.note.textContent = "The studio does not answer.");
      const { lines } = answer.ok ? await answer.json() : { lines: [] };
      this.words.value = this.level.value = "";
      if (lines.length) this.open(lines[0].offset);
      else this.note.textContent = "No error in the log.";
    }

    open(offset) {
      this.begin("place", offset, "From the line you chose on.");
    }

    async ask(get) {
      return this.way === "found" ? this.find(get) : this.read(get);
    }

    async read(get) {
      const { way, offset } = this;
      if (way === "place" && this.begun && this.box.children.length >= KEPT) return REFUSED;
      const answer = await get(`${this.address}?offset=${offset}`);
      if (!answer.ok) return REFUSED;
      const told = JSON.parse(answer.text);
      if (way !== this.way || offset !== this.offset) return SOON; // another look was chosen meanwhile
      const more = offset < 0 ? told.text !== "" : told.offset > offset;
      if (more) this.add(told.text, new Map(told.levels));
      if (more) this.offset = told.offset;
      return more ? SOON : LATER;
    }

    async find(get) {
      const { offset } = this;
      if (offset === null) return REFUSED;
      const query = new URLSearchParams({ search: this.words.value, after: offset });
      if (this.level.value) query.set("level", this.level.value);
      const answer = await get(`${this.address}/lines?${query}`);
      if (!answer.ok) return REFUSED;
      const { lines, next } = JSON.parse(answer.text);
      if (!this.begun) this.box.replaceChildren();
      this.begun = true;
      for (const line of lines) {
        const made = this.line(line.text, line.level);
        made.title = "Show this place";
        made.tabIndex = 0;
        made.onclick = () => this.open(line.offset);
        made.onkeydown = (event) => event.key === "Enter" && this.open(line.offset);
        this.box.append(made);
      }
      this.offset = this.box.children.length < KEPT ? next : null;
      const count = this.box.children.length;
      this.note.textContent = `${count}${next === null ? "" : "+"} ${count === 1 ? "line" : "lines"}`;
      return this.offset === null ? REFUSED : SOON;
    }

    line(text, level) {
      const made = element("span", {}, `${text}\n`);
      if (level) made.dataset.level = level;
      return made;
    }

    // The last line may still grow: it is kept open, and what comes next goes on in it.
    add(text, levels) {
      const { box } = this;
      const atEnd = this.way === "end" && box.scrollHeight - box.scrollTop - box.clientHeight < 24;
      if (!this.begun) box.replaceChildren();
      this.begun = true;
      const lines = text.split("\n");
      lines.forEach((words, at) => {
        const isLast = at === lines.length - 1;
        if (isLast && words === "" && at > 0) return (this.last = null);
        const level = levels.get(at);
        if (at === 0 && this.last) {
          this.last.firstChild.data = `${this.last.firstChild.data.slice(0, -1)}${words}\n`;
          if (level) this.last.dataset.level = level;
        } else {
          const before = box.lastElementChild;
          if (level === "progress" && before?.dataset.level === "progress") before.remove();
          box.append(this.line(words, level));
        }
        this.last = isLast ? box.lastElementChild : null;
      });
      while (this.way === "end" && box.children.length > KEPT) box.firstElementChild.remove();
      if (atEnd) box.scrollTop = box.scrollHeight;
    }
  }

  customElements.define("ts-log", Log);

  // A link with data-log opens that log in a dialog; opened elsewhere, as in another tab, it is the download.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-log]");
    if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    show(link.dataset.log, `Log: ${link.dataset.title}`);
  });

  const show = (address, title) => {
    const heading = element("h2", { id: "log-title" }, title);
    const close = button("Close", () => dialog.close());
    const log = element("ts-log");
    log.setAttribute("address", address);
    const dialog = element("dialog", { className: "ts-dialog ts-log-dialog" }, element("header", {}, heading, close), log);
    dialog.setAttribute("aria-labelledby", heading.id);
    dialog.addEventListener("close", () => dialog.remove()); // which ends its asking
    (document.querySelector(".gradio-container") || document.body).append(dialog);
    dialog.showModal();
  };
})();
