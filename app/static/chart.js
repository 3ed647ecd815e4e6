// <ts-chart metrics labels run>: metrics of a run, or one metric of several runs, a line of the attribute each; points
// are fetched with a cursor. Without a run it follows ?run=ID. Zoom (drag), smoothing and the axis stay as they are while points come in.
(() => {
  const tunesmith = window.tunesmith;
  const OFTEN = 2000;
  const SELDOM = 10_000; // once nothing new has come for a while
  const QUIET_TURNS = 20;
  const ZOOM_SETTLES = 150; // milliseconds before the detail of a zoomed stretch is fetched

  class Chart extends HTMLElement {
    constructor() {
      super();
      this.poll = tunesmith.poll(this, (get) => this.ask(get));
      this.weight = 0; // of the smoothing
      this.log = false;
      /** @type {Stretch | null} */
      this.zoom = null;
    }

    connectedCallback() {
      if (!this.curves) this.build();
      this.asked = () => this.open(this.getAttribute("run") || new URLSearchParams(location.search).get("run"));
      this.themed = () => this.drawing.paint();
      document.addEventListener("tunesmith-query", this.asked);
      document.addEventListener("tunesmith-theme", this.themed);
      this.asked();
    }

    disconnectedCallback() {
      this.poll.stop();
      clearTimeout(this.zooming);
      this.run = undefined;
      document.removeEventListener("tunesmith-query", this.asked);
      document.removeEventListener("tunesmith-theme", this.themed);
    }

    build() {
      const [labels, names, runs] = ["labels", "metrics", "run"].map((name) => this.getAttribute(name).split("\n"));
      const several = runs.length > 1;
      this.curves = labels.map((label, at) => new tunesmith.Curve(names[several ? 0 : at], label, at + 1, several ? runs[at] : null));
      this.replaceChildren(this.head(), this.plot());
    }

    head() {
      const head = tunesmith.make("div", "ts-chart-head");
      const title = tunesmith.make("h2", "", this.getAttribute("title"));
      this.removeAttribute("title"); // it would be a tooltip
      this.legend = new tunesmith.Legend(this.curves);
      this.tools = new tunesmith.Tools({
        reset: () => this.reset(),
        smooth: (weight) => this.smooth(weight),
        toggleLog: () => this.toggleLog(),
        save: () => this.drawing.save(`${this.run}-${this.curves[0].name}.png`),
      });
      head.append(title, this.legend.element, this.hasAttribute("plain") ? "" : this.tools.element);
      return head;
    }

    plot() {
      const height = Number(this.getAttribute("height"));
      const host = tunesmith.make("div", "ts-plot");
      this.note = tunesmith.make("p", "ts-chart-note", "Waiting for the first point");
      host.style.height = `${height}px`;
      host.append(this.note);
      this.drawing = new tunesmith.Drawing(host, height, this.curves, {
        zoomed: (first, last) => this.zoomTo(first, last),
        pointed: (step) => this.legend.read(step),
        reset: () => this.reset(),
      });
      return host;
    }

    open(run) {
      if (run === this.run) return;
      this.run = run;
      this.zoom = null;
      this.quiet = 0;
      this.ended = false;
      for (const curve of this.curves) curve.clear();
      if (run) this.poll.start();
      else this.poll.stop();
      this.update();
    }

    async ask(get) {
      const stretch = this.zoom && wholeSteps(this.zoom);
      const answers = await Promise.all(this.curves.map((curve) => curve.update(get, this.run, stretch)));
      const news = answers.some((answer) => answer.news);
      this.ended = answers.every((answer) => answer.ended);
      this.quiet = news ? 0 : this.quiet + 1;
      if (news || this.ended) this.update();
      return this.ended || this.quiet > QUIET_TURNS ? SELDOM : OFTEN;
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

    smooth(weight) {
      this.weight = weight;
      this.update();
    }

    toggleLog() {
      this.log = !this.log;
      this.update();
    }

    update() {
      const count = this.curves.reduce((sum, { xs }) => sum + xs.length, 0);
      this.dataset.points = String(count);
      this.note.hidden = count > 0;
      this.note.textContent = this.ended ? "No points" : "Waiting for the first point";
      this.legend.read(undefined);
      this.showZoom();
      if (count || this.drawing.figure) this.drawing.update({ weight: this.weight, log: this.log, zoom: this.zoom });
    }

    showZoom() {
      this.dataset.zoom = this.zoom ? this.zoom.join(" ") : "";
      this.tools.show(Boolean(this.zoom), this.log);
    }
  }

  /** @returns {Stretch} */
  const wholeSteps = ([first, last]) => [Math.max(0, Math.floor(first)), Math.ceil(last)];

  customElements.define("ts-chart", Chart);
})();
