// <ts-sweep-chart kind sweep title objective field height>: one chart of a sweep. It only reads: nothing it does reaches
// the study. Zoom, brush and what is chosen stay while trials come in.
(() => {
  const tunesmith = window.tunesmith;
  const { sweeps, make } = tunesmith;
  const [OFTEN, SELDOM] = window.top === window ? [2000, 15_000] : [5000, 30_000];
  const HEAD_IN_FULL = 160; // pixels
  const MOST_ROWS = 200;
  const ZOOMED = new Set(["history", "slice", "pareto", "timeline"]);

  const inSight = new IntersectionObserver(
    (entries) => entries.forEach(({ target, isIntersecting }) => target instanceof SweepChart && target.seen(isIntersecting)),
    { rootMargin: "300px" },
  );

  class SweepChart extends HTMLElement {
    static observedAttributes = ["objective"];

    constructor() {
      super();
      this.poll = tunesmith.poll(this, () => this.ask());
      /** @type {Map<number, number[]>} */
      this.brushes = new Map();
      this.zoom = null;
      this.under = [];
      this.outside = 0;
      this.pinned = null;
    }

    connectedCallback() {
      if (!this.host) this.build();
      this.heard = new AbortController();
      const hear = (name, act) => document.addEventListener(name, act, { signal: this.heard.signal });
      hear("tunesmith-theme", () => this.update(true));
      hear("fullscreenchange", () => this.update(true));
      inSight.observe(this);
    }

    disconnectedCallback() {
      inSight.unobserve(this);
      this.heard.abort();
      this.poll.stop();
      this.drawn = "";
    }

    attributeChangedCallback() {
      if (this.data) this.update();
    }

    seen(isSeen) {
      if (isSeen) this.poll.start();
      else this.poll.stop();
    }

    build() {
      this.label = this.getAttribute("title");
      this.removeAttribute("title"); // it would be a tooltip
      this.kind = sweeps.kinds[this.getAttribute("kind")];
      this.head = make("div", "ts-chart-head");
      this.legend = make("div", "ts-chart-legend");
      this.tools = new tunesmith.Tools(this.label, {
        reset: () => this.reset(),
        full: () => (document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen()),
        table: () => this.toggleTable(),
        save: () => this.save(),
        csv: null,
      });
      this.head.append(make("h2", "", this.label), this.legend, this.tools.element);
      this.choices = make("div", "sw-choices");
      this.host = make("div", "ts-plot sw-plot");
      this.host.setAttribute("role", "img");
      this.host.setAttribute("aria-label", this.label);
      this.host.style.minHeight = `${this.height}px`;
      if (this.kind.widthOf) this.host.tabIndex = 0; // on a phone it is wider than the page, and scrolled
      this.note = make("p", "ts-chart-note", "Waiting for the first trial");
      this.host.append(this.note);
      this.host.addEventListener("pointerdown", () => this.hold());
      this.read = make("p", "sw-read");
      this.words = make("div", "ts-chart-words");
      this.table = Object.assign(make("div", "ts-chart-table"), { tabIndex: 0, hidden: true });
      this.limits = make("details", "sw-limits");
      this.replaceChildren(this.head, this.choices, this.host, this.read, this.words, this.limits, this.table);
    }

    get height() {
      return document.fullscreenElement === this ? window.innerHeight - HEAD_IN_FULL : Number(this.getAttribute("height"));
    }

    get at() {
      return Math.min(Number(this.getAttribute("objective")) || 0, this.data.objectives.length - 1);
    }

    // Nothing is drawn anew under a drag.
    hold() {
      this.isHeld = true;
      const over = new AbortController();
      const release = () => {
        over.abort();
        this.isHeld = false;
        setTimeout(() => this.update());
      };
      const first = { capture: true, signal: over.signal }; // Bokeh keeps the event to itself
      addEventListener("pointerup", release, first);
      addEventListener("pointercancel", release, first);
    }

    // Which of `count` things the address has chosen; undefined when it says none.
    chosen(name, count) {
      const text = new URLSearchParams(location.search).get(name);
      const number = Number(text);
      return text && Number.isInteger(number) && number >= 0 && number < count ? number : undefined;
    }

    async ask() {
      const data = await sweeps.data(this.getAttribute("sweep"));
      if (data === null) this.say("This sweep no longer exists.");
      else if (data !== this.data || !this.drawn) {
        this.data = data;
        await this.update();
      }
      return data?.moving || data?.importance.state === "computing" ? OFTEN : SELDOM;
    }

    // Why nothing is drawn yet. By taste a trial has no value until somebody has compared it.
    waits() {
      return `No trial has ${sweeps.searched(this.data, "complete").length ? "been compared" : "finished"} yet.`;
    }

    say(text) {
      this.note.textContent = text;
      this.note.hidden = !text;
      this.frame?.toggleAttribute("hidden", Boolean(text));
    }

    async update(anew = false) {
      if (!this.data) return;
      if (this.isHeld) return;
      const { version, points } = this.data;
      const look = JSON.stringify([this.kind.ofWork ? version : points, this.at, location.search, [...this.brushes], tunesmith.dark(), this.height]);
      if (look === this.drawn && !anew) return;
      this.drawn = look;
      const nothing = this.kind.empty ? this.kind.empty(this) : "";
      const waits = this.kind.empty || sweeps.finished(this.data, this.at).length ? "" : this.waits();
      this.say(nothing || waits);
      this.dataset.trials = String(this.data.trials.length);
      this.fillChoices();
      if (!this.note.hidden) return this.explain();
      await this.draw();
      this.explain();
    }

    async draw() {
      const turn = (this.turn = {});
      const B = await tunesmith.bokeh();
      if (!B || turn !== this.turn || !this.isConnected) return;
      this.under = [];
      this.outside = 0;
      const figure = this.kind.draw(this, B);
      this.hear(B, figure);
      const frame = make("div", "sw-frame");
      frame.style.minWidth = this.kind.widthOf ? `${this.kind.widthOf(this)}px` : "";
      const before = this.view;
      this.frame?.remove();
      this.host.append(frame);
      this.frame = frame;
      const view = await B.Plotting.show(figure, frame);
      before?.remove();
      if (turn !== this.turn) return view.remove();
      this.view = view;
      this.dataset.drawn = "yes";
    }

    // What the pointer does: a trial under it is told, a click keeps it told, a drag zooms where that helps.
    hear(B, figure) {
      figure.on_event("mousemove", () => requestAnimationFrame(() => this.pinned || this.tell(this.pointed())));
      figure.on_event("mouseleave", () => this.pinned || this.tell());
      figure.on_event("tap", () => this.tell((this.pinned = this.pointed() ?? null)));
      figure.on_event("doubletap", () => this.reset());
      if (!ZOOMED.has(this.getAttribute("kind"))) return;
      const drag = new B.BoxZoomTool();
      figure.add_tools(drag);
      figure.toolbar.active_drag = drag;
      if (this.zoom) {
        figure.x_range.setv({ start: this.zoom.x0, end: this.zoom.x1 });
        figure.y_range.setv({ start: this.zoom.y0, end: this.zoom.y1 });
      }
      figure.on_event("rangesupdate", ({ x0, x1, y0, y1 }) => {
        this.zoom = { x0, x1, y0, y1 };
        this.showTools();
      });
    }

    pointed() {
      return this.under.map((under) => under()).findLast(Boolean);
    }

    // One line under the plot, with a way to the trial's run.
    tell(trial) {
      if (!trial) return this.read.replaceChildren();
      const name = trial.run_id ? Object.assign(document.createElement("a"), { className: "ts-link", href: `/runs?run=${encodeURIComponent(trial.run_id)}` }) : document.createElement("b");
      name.textContent = `Trial ${trial.number}`;
      this.read.replaceChildren(name, ` ${sweeps.told(this.data, trial)}`);
    }

    brush(axes, [low, high]) {
      for (const axis of axes) this.brushes.set(axis, [low, high]);
      this.update();
    }

    reset() {
      this.zoom = null;
      this.brushes.clear();
      this.pinned = null;
      this.tell();
      this.update(true);
    }

    explain() {
      this.legend.replaceChildren(...this.kind.legend(this).map(({ label, series }) => this.legendItem(label, series)));
      const remarks = this.note.hidden ? this.kind.remarks(this).filter(Boolean) : [];
      this.words.replaceChildren(...remarks.map((text) => make("p", "ts-chart-remark", text)));
      this.host.setAttribute("aria-label", `${this.label}. The table has the numbers.`);
      sweeps.limits(this, this.limits);
      this.fillTable();
      this.showTools();
    }

    legendItem(label, series) {
      const item = make("span", "");
      const swatch = make("i", "");
      swatch.style.background = series.startsWith("--") ? `var(${series})` : series;
      item.append(swatch, make("span", "", label));
      return item;
    }

    fillChoices() {
      const wanted = this.kind.controls ? this.kind.controls(this) : [];
      if (this.choices.childElementCount === wanted.length) return;
      this.choices.replaceChildren(...wanted.map(([name, label, options, usual]) => this.select(name, label, options, usual)));
    }

    select(name, label, options, usual) {
      const select = document.createElement("select");
      select.append(...options.map((text, at) => new Option(text, String(at))));
      select.value = String(this.chosen(name, options.length) ?? usual);
      select.addEventListener("change", () => {
        const query = new URLSearchParams(location.search);
        query.set(name, select.value);
        history.replaceState(history.state, "", `${location.pathname}?${query}`);
        this.update();
      });
      const whole = make("label", "");
      whole.append(make("span", "", label), select);
      return whole;
    }

    toggleTable() {
      this.table.hidden = !this.table.hidden;
      this.showTools();
      this.fillTable();
    }

    fillTable() {
      if (!this.table.hidden) this.table.replaceChildren(asTable(this.label, this.kind.table(this)));
    }

    showTools() {
      this.tools.show(Boolean(this.zoom) || this.brushes.size > 0, !this.table.hidden);
    }

    async save() {
      if (!this.view || !this.note.hidden) return;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await tunesmith.pictureOf(this.view, this.frame, this.label, this.kind.legend(this)));
      const parts = [this.data.name, this.getAttribute("kind"), this.getAttribute("field")].filter(Boolean);
      link.download = `${parts.join("-").replaceAll(/[^\p{L}\p{N}]+/gu, "-")}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }
  }

  function asTable(title, { head, rows }) {
    const table = document.createElement("table");
    const shown = rows.slice(0, MOST_ROWS);
    const words = shown.length < rows.length ? `the first ${shown.length} of ${rows.length} rows. The CSV has every trial.` : `${rows.length} rows.`;
    table.append(Object.assign(document.createElement("caption"), { textContent: `${title}: ${words}` }));
    const top = table.createTHead().insertRow();
    for (const text of head) top.append(Object.assign(document.createElement("th"), { scope: "col", textContent: text }));
    const body = table.createTBody();
    for (const [first, ...cells] of shown) {
      const row = body.insertRow();
      row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: String(first) }));
      for (const cell of cells) row.insertCell().textContent = String(cell);
    }
    return table;
  }

  customElements.define("ts-sweep-chart", SweepChart);
})();
