// <ts-chart metrics labels run>: metrics of a run, or one metric of several runs, a line of the attribute each; points
// are fetched with a cursor while the chart is in sight. Without a run it follows ?run=ID. Zoom (drag) and look stay as
// they are while points come in. `bands` marks stretches: [{"metric", "from", "to", "severity", "title"}].
(() => {
  const tunesmith = window.tunesmith;
  const OFTEN = window.top === window ? 800 : 2500; // in a frame (a Space) requests are limited
  const SELDOM = 10_000; // once the run has ended
  const ZOOM_SETTLES = 150; // milliseconds before the detail of a zoomed stretch is fetched
  const POINTS_A_PIXEL = 2;
  const [FEWEST_POINTS, MOST_POINTS, POINTS_ROUNDED] = [1000, 4000, 500];
  const MOST_IN_ALL = 12_000; // points of all curves of a chart
  const HEAD_IN_FULL = 120; // pixels

  const inSight = new IntersectionObserver(
    (entries) => entries.forEach(({ target, isIntersecting }) => target instanceof Chart && target.seen(isIntersecting)),
    { rootMargin: "300px" },
  );

  class Chart extends HTMLElement {
    static observedAttributes = ["metrics", "labels", "bands"];

    constructor() {
      super();
      this.poll = tunesmith.poll(this, (_get, signal) => this.ask(signal));
      /** @type {Stretch | null} */
      this.zoom = null;
      this.bands = [];
      this.remarks = [];
    }

    connectedCallback() {
      if (!this.curves) this.build();
      this.heard = new AbortController();
      const hear = (name, act) => document.addEventListener(name, act, { signal: this.heard.signal });
      hear("tunesmith-query", () => this.follow());
      hear("tunesmith-theme", () => this.repaint());
      hear("tunesmith-look", () => this.restyle());
      hear("tunesmith-cursor", (event) => this.point(event.detail));
      hear("fullscreenchange", () => this.resize());
      this.follow();
      inSight.observe(this);
    }

    // Moved to another place of the page, it stays as it is.
    connectedMoveCallback() {}

    disconnectedCallback() {
      inSight.unobserve(this);
      this.heard.abort();
      this.poll.stop();
      clearTimeout(this.zooming);
      this.run = undefined;
    }

    // The list of metrics grows when a run reports a new one.
    attributeChangedCallback(name) {
      if (!this.curves) return;
      if (name === "bands") this.mark();
      else queueMicrotask(() => this.regroup());
    }

    build() {
      this.label = this.getAttribute("title");
      this.removeAttribute("title"); // it would be a tooltip
      this.unit = this.getAttribute("unit") || "";
      this.height = Number(this.getAttribute("height"));
      this.curves = this.makeCurves();
      this.head = tunesmith.make("div", "ts-chart-head");
      this.tools = new tunesmith.Tools(this.label, {
        reset: () => this.reset(),
        full: () => (document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen()),
        table: () => this.toggleTable(),
        save: () => this.save(),
        csv: this.curves.some(({ own }) => own) ? null : () => location.assign(this.csv()),
        moves: this.parentElement.hasAttribute("data-movable"),
      });
      this.words = tunesmith.make("div", "ts-chart-words");
      this.table = Object.assign(tunesmith.make("div", "ts-chart-table"), { tabIndex: 0, hidden: true });
      this.replaceChildren(this.head, this.plot(), this.words, this.table);
      this.fillHead();
      this.mark();
    }

    makeCurves() {
      const [labels, names, runs] = ["labels", "metrics", "run"].map((name) => this.getAttribute(name).split("\n"));
      const several = runs.length > 1;
      const before = new Map(this.curves?.map((curve) => [`${curve.own ?? ""}/${curve.name}`, curve]));
      return labels.map((label, at) => {
        const [name, own] = [names[several ? 0 : at], several ? runs[at] : null];
        return before.get(`${own ?? ""}/${name}`) ?? new tunesmith.Curve(name, label, at + 1, own);
      });
    }

    fillHead() {
      this.legend = new tunesmith.Legend(this.curves, this.unit);
      const title = tunesmith.make("h2", "", this.label);
      this.head.replaceChildren(title, this.legend.element, this.hasAttribute("plain") ? this.tools.table : this.tools.element);
    }

    plot() {
      const host = tunesmith.make("div", "ts-plot");
      this.note = tunesmith.make("p", "ts-chart-note", "Waiting for the first point");
      host.style.height = `${this.height}px`;
      host.setAttribute("role", "img");
      host.setAttribute("aria-label", this.label);
      host.append(this.note);
      this.drawing = new tunesmith.Drawing(host, this.height, { unit: this.unit, name: this.getAttribute("axis") || this.label }, {
        zoomed: (first, last) => this.zoomTo(first, last),
        pointed: (x) => document.dispatchEvent(new CustomEvent("tunesmith-cursor", { detail: { x, kind: this.kind } })),
        reset: () => this.reset(),
      });
      return host;
    }

    regroup() {
      if (this.getAttribute("metrics").split("\n").length !== this.getAttribute("labels").split("\n").length) return;
      this.curves = this.makeCurves();
      this.fillHead();
      this.makeAxes();
      this.update();
      if (this.isSeen) this.poll.now();
    }

    // Shows the run it is told, or that of the address.
    follow() {
      const run = this.getAttribute("run") || new URLSearchParams(location.search).get("run");
      if (run === this.run) return;
      this.run = run;
      this.zoom = null;
      this.ended = false;
      for (const curve of this.curves) curve.clear();
      this.makeAxes();
      if (run && this.isSeen) this.poll.start();
      else this.poll.stop();
      this.update();
    }

    seen(isSeen) {
      if (isSeen === this.isSeen) return;
      this.isSeen = isSeen;
      if (isSeen && this.run) this.poll.start();
      else this.poll.stop();
    }

    // One axis a run, of the kind the page has chosen.
    makeAxes() {
      this.chosen = tunesmith.look(this).x;
      this.axes = new Map(this.curves.map(({ own }) => [own, null]));
      for (const own of this.axes.keys()) this.axes.set(own, new tunesmith.Axis(this.chosen, own));
    }

    async ask(signal) {
      const points = (this.asked = this.pointsToDraw());
      const { zoom, run } = this;
      const [answers, moved] = await Promise.all([
        Promise.all(this.curves.map((curve) => curve.update({ run, points, signal, stretch: zoom && this.axis(curve.own).stretch(zoom) }))),
        Promise.all([...this.axes.values()].map((axis) => axis.update({ run, points, signal }))),
      ]);
      this.ended = answers.every((answer) => answer.ended);
      if (answers.some((answer) => answer.news) || moved.some(Boolean) || this.ended) this.update();
      return this.ended ? SELDOM : OFTEN;
    }

    // A wide chart draws more, in steps so that most charts of a page ask for as many and share a request. Many curves
    // share what one chart may draw.
    pointsToDraw() {
      const rounded = Math.ceil((POINTS_A_PIXEL * this.clientWidth) / POINTS_ROUNDED) * POINTS_ROUNDED;
      const each = Math.floor(MOST_IN_ALL / this.curves.length / POINTS_ROUNDED) * POINTS_ROUNDED;
      return Math.min(MOST_POINTS, Math.max(POINTS_ROUNDED, each), Math.max(FEWEST_POINTS, rounded));
    }

    zoomTo(first, last) {
      this.zoom = [first, last];
      this.showZoom();
      this.drawing.fit(this.zoom);
      clearTimeout(this.zooming);
      this.zooming = setTimeout(() => this.poll.now(), ZOOM_SETTLES);
    }

    reset() {
      this.zoom = null;
      for (const curve of this.curves) curve.leaveDetail();
      this.update();
    }

    restyle() {
      if (tunesmith.look(this).x !== this.chosen) {
        this.zoom = null;
        this.makeAxes();
        if (this.isSeen) this.poll.now();
      }
      this.update();
    }

    // A band of the doctor or of another part; those of metrics drawn elsewhere are left out.
    mark() {
      const names = this.curves.map(({ name }) => name);
      const given = JSON.parse(this.getAttribute("bands") || "[]");
      this.bands = given.filter(({ metric, from, to }) => names.includes(metric) && Number.isFinite(from) && Number.isFinite(to));
      this.update();
    }

    // Where the bands stand on the axis of today.
    placedBands() {
      const axis = this.axis();
      return this.bands.map(({ from, to, severity }) => {
        const [first, last] = axis.of([Math.max(0, from - 0.5), to + 0.5]);
        return { first, last, severity };
      });
    }

    // The axis that a run is drawn over, or the first one: steps as long as one run has nothing else to draw over.
    axis(own = this.curves[0]?.own) {
      const axes = [...(this.axes?.values() ?? [])];
      const known = axes.length > 0 && axes.every((axis) => axis.known);
      return known ? this.axes.get(own) : new tunesmith.Axis("step", null);
    }

    update() {
      const count = this.curves.reduce((sum, { steps }) => sum + steps.length, 0);
      this.dataset.points = String(count);
      const isDrawable = this.curves.some(({ ys }) => ys.some((value) => tunesmith.drawable(value)));
      this.note.hidden = isDrawable;
      this.note.textContent = count ? "Nothing to draw: no value is a number" : this.ended ? "No points" : "Waiting for the first point";
      this.kind = this.axis().kind;
      for (const curve of this.curves) curve.xs = this.kind === "step" ? curve.steps : this.axes.get(curve.own).of(curve.steps);
      this.legend.read(undefined, this.kind);
      this.showZoom();
      if (isDrawable || this.drawing.figure) this.draw();
    }

    async draw() {
      const { weight, log: wanted, clip } = tunesmith.look(this);
      const log = wanted && this.mostlyPositive();
      await this.drawing.update(this.curves, { weight, log, clip, kind: this.kind, zoom: this.zoom, bands: this.placedBands() });
      this.explain(wanted, log, clip);
    }

    // Otherwise a log axis would show hardly anything.
    mostlyPositive() {
      const values = this.curves.flatMap(({ ys }) => ys).filter((value) => tunesmith.drawable(value));
      return values.filter((value) => tunesmith.drawable(value, true)).length * 2 >= values.length;
    }

    // What a look hides, in words, the bands, and the table.
    explain(wanted, log, clip) {
      const filled = this.curves.find(({ steps }) => steps.length);
      const steps = filled ? `, steps ${filled.steps[0]} to ${filled.steps.at(-1)}` : "";
      this.drawing.host.setAttribute("aria-label", `${this.label}${steps}. The table has the numbers.`);
      const dark = log && this.curves.some(({ ys }) => ys.some((value) => value <= 0));
      const outside = clip && this.drawing.outside;
      const left = this.curves.reduce((sum, { ys }) => sum + ys.filter((value) => !tunesmith.drawable(value)).length, 0);
      const remarks = [
        dark ? "Values of 0 or below have no place on a log axis." : "",
        wanted && !log ? "Most values are 0 or below, so this axis is not logarithmic." : "",
        outside ? `${outside.toLocaleString("en-US")} ${outside === 1 ? "point lies" : "points lie"} above or below.` : "",
        left ? `${left.toLocaleString("en-US")} ${left === 1 ? "point is" : "points are"} left out: not a number, or too large to draw.` : "",
        this.kind === this.chosen || !filled ? "" : `Over steps: no ${this.chosen === "time" ? "times" : "tokens"} are known.`,
      ];
      this.tell(remarks.filter(Boolean));
      this.fillTable();
    }

    // Only what has changed: a button that has the focus keeps it.
    tell(remarks) {
      const told = JSON.stringify([this.bands, remarks]);
      if (told === this.told) return;
      this.told = told;
      this.words.replaceChildren(...this.bandList(), ...remarks.map((text) => tunesmith.make("p", "ts-chart-remark", text)));
    }

    bandList() {
      return this.bands.map(({ from, to, severity, title }) => {
        const button = Object.assign(tunesmith.make("button", "ts-chart-band", String(title)), { type: "button" });
        button.dataset.severity = String(severity);
        button.append(tunesmith.make("small", "", from === to ? ` step ${from}` : ` steps ${from} to ${to}`));
        button.addEventListener("click", () => this.zoomAround(from, to));
        return button;
      });
    }

    zoomAround(from, to) {
      const room = Math.max(5, to - from);
      const [first, last] = this.axis().of([Math.max(0, from - room), to + room]);
      this.zoomTo(first, last);
    }

    toggleTable() {
      this.table.hidden = !this.table.hidden;
      this.showZoom();
      this.fillTable();
    }

    fillTable() {
      if (!this.table.hidden) this.table.replaceChildren(tunesmith.pointsTable(this.label, this.curves, this.unit));
    }

    // Every chart shows the place that one of them is pointed at, as far as it is drawn over the same.
    point({ x, kind }) {
      if (kind !== this.kind || !this.drawing.figure) return;
      this.drawing.point(x);
      this.legend.read(x, this.kind);
    }

    resize() {
      this.drawing.resize(document.fullscreenElement === this ? window.innerHeight - HEAD_IN_FULL : this.height);
    }

    repaint() {
      this.drawing.paint();
      this.update();
    }

    // Every point of the metrics drawn here.
    csv() {
      const names = this.curves.filter(({ steps }) => steps.length).map(({ name }) => name);
      const query = new URLSearchParams([...new Set(names)].map((name) => ["name", name]));
      return `/api/runs/${encodeURIComponent(this.run)}/metrics.csv?${query}`;
    }

    async save() {
      if (!this.drawing.view) return;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await this.drawing.picture(this.label, this.legend.words()));
      link.download = `${this.run || "runs"}-${this.curves[0].name.replaceAll("/", "-")}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }

    showZoom() {
      this.dataset.zoom = this.zoom ? this.zoom.join(" ") : "";
      this.tools.show(Boolean(this.zoom), !this.table.hidden);
    }
  }

  customElements.define("ts-chart", Chart);
})();
