// <ts-chart metrics="loss,eval_loss" labels run>: one or more curves of a run, drawn by BokehJS, fed with a cursor.
// Without a run it follows ?run=ID. Zoom (drag), smoothing and the axis stay as they are while points come in.
(() => {
  const tunesmith = window.tunesmith;
  const POLL = 2000;
  const REST = 10_000; // once nothing new has come for a while
  const MOST = 4000;
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  let loading;
  const load = (name) =>
    new Promise((done, failed) => {
      const script = Object.assign(document.createElement("script"), { src: `/static-bokeh/${name}`, onload: done, onerror: failed });
      document.head.append(script);
    });
  const bokeh = () => (loading ??= load("bokeh.min.js").then(() => load("bokeh-api.min.js")).then(() => window.Bokeh));

  function smooth(values, weight) {
    let mean = 0, share = 0;
    return values.map((value) => {
      if (!Number.isFinite(value)) return value;
      mean = mean * weight + value * (1 - weight);
      share = share * weight + (1 - weight);
      return mean / share;
    });
  }

  function nearest(xs, x) {
    let low = 0, high = xs.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (xs[middle] < x) low = middle;
      else high = middle;
    }
    return Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high;
  }

  const written = (value) => {
    if (value === undefined) return "–";
    if (!Number.isFinite(value)) return String(value);
    return value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5) ? value.toExponential(2) : value.toPrecision(4);
  };

  const make = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text ?? "" });

  class Chart extends HTMLElement {
    connectedCallback() {
      if (!this.series) this.build();
      this.seen = () => !document.hidden && this.now();
      this.asked = () => this.open(this.getAttribute("run") || new URLSearchParams(location.search).get("run"));
      this.themed = () => this.paint();
      document.addEventListener("visibilitychange", this.seen);
      this.anew = () => this.now();
      document.addEventListener("tunesmith-refresh", this.anew);
      document.addEventListener("tunesmith-query", this.asked);
      document.addEventListener("tunesmith-theme", this.themed);
      this.asked();
    }

    disconnectedCallback() {
      clearTimeout(this.timer);
      this.turn += 1;
      this.run = undefined;
      tunesmith.connection(this, true);
      document.removeEventListener("visibilitychange", this.seen);
      document.removeEventListener("tunesmith-refresh", this.anew);
      document.removeEventListener("tunesmith-query", this.asked);
      document.removeEventListener("tunesmith-theme", this.themed);
    }

    build() {
      const labels = this.getAttribute("labels").split(",");
      this.series = this.getAttribute("metrics").split(",").map((name, at) => ({ name, label: labels[at], color: `--ts-series-${at + 1}`, xs: [], ys: [] }));
      this.turn = 0;
      this.weight = 0;
      this.log = false;
      this.textContent = "";
      const head = make("div", "ts-chart-head");
      head.append(make("h2", "", this.getAttribute("title")));
      this.removeAttribute("title"); // it would be a tooltip
      const legend = make("div", "ts-chart-legend");
      for (const one of this.series) {
        const item = make("span", "");
        item.append(Object.assign(make("i", ""), { style: `background:var(${one.color})` }), make("span", "", this.series.length > 1 ? one.label : ""), (one.shown = make("b", "", "–")));
        legend.append((one.item = item));
      }
      head.append(legend, this.hasAttribute("plain") ? "" : this.tools());
      this.note = make("p", "ts-chart-note", "Waiting for the first point");
      this.host = make("div", "ts-plot");
      this.host.style.height = `${this.getAttribute("height")}px`;
      this.host.append(this.note);
      this.append(head, this.host);
    }

    tools() {
      const box = make("div", "ts-chart-tools");
      const label = make("label", "");
      const slider = Object.assign(make("input", ""), { type: "range", min: 0, max: 0.98, step: 0.02, value: 0 });
      label.title = "Smoothing: an exponential mean, the points themselves stay behind it";
      label.append(make("span", "", "Smooth"), slider);
      slider.addEventListener("input", () => ((this.weight = Number(slider.value)), this.fill()));
      this.logButton = this.tool("log", "Logarithmic axis", () => this.toggleLog());
      this.logButton.setAttribute("aria-pressed", "false");
      this.resetButton = this.tool("Reset zoom", "Show every step again", () => this.reset());
      this.resetButton.hidden = true;
      box.append(this.resetButton, label, this.logButton, this.tool("Save", "Save as PNG", () => this.save()));
      return box;
    }

    tool(text, title, act) {
      const button = Object.assign(make("button", "ts-tool", text), { type: "button", title });
      button.addEventListener("click", act);
      return button;
    }

    open(run) {
      if (run === this.run) return;
      this.run = run;
      for (const one of this.series) (one.xs = []), (one.ys = []);
      this.zoom = null;
      this.quiet = 0;
      if (run) this.now();
      this.fill();
    }

    now() {
      if (!this.run) return;
      clearTimeout(this.timer);
      const turn = ++this.turn;
      this.fetchAll(turn).then((wait) => {
        if (turn === this.turn && this.isConnected) this.timer = setTimeout(() => this.now(), wait);
      });
    }

    async fetchAll(turn) {
      if (document.hidden && this.plot) return REST;
      try {
        const news = await Promise.all(this.series.map((one) => this.fetchOne(one, turn)));
        if (turn !== this.turn) return POLL;
        tunesmith.connection(this, true);
        this.quiet = news.some(Boolean) ? 0 : this.quiet + 1;
        if (news.some(Boolean) || this.ended) this.fill();
        return this.ended || this.quiet > 20 ? REST : POLL;
      } catch {
        if (turn === this.turn) tunesmith.connection(this, false);
        return POLL * 2;
      }
    }

    // Points after the cursor; all of them again, thinned by the server, once there are too many to draw.
    async fetchOne(one, turn) {
      const whole = one.xs.length === 0 || one.xs.length > 2 * MOST;
      const since = whole ? -1 : one.xs[one.xs.length - 1];
      const query = new URLSearchParams({ name: one.name, since, max_points: MOST });
      const answer = await fetch(`/api/runs/${encodeURIComponent(this.run)}/metrics?${query}`, { signal: AbortSignal.timeout(20_000) });
      if (answer.status === 404) return (this.ended = true) && false; // deleted meanwhile
      if (!answer.ok) throw new Error(answer.status);
      const { points, status } = await answer.json();
      this.ended = /^(succeeded|failed|stopped|interrupted)$/.test(status);
      if (turn !== this.turn || !points.length) return false;
      if (whole) (one.xs = []), (one.ys = []);
      for (const [step, value] of points) one.xs.push(step), one.ys.push(value ?? NaN);
      return true;
    }

    async draw() {
      const B = await bokeh();
      if (this.plot || !this.isConnected) return;
      this.x = new B.Range1d({ start: 0, end: 1 });
      this.y = new B.Range1d({ start: 0, end: 1 });
      const figure = B.Plotting.figure({
        height: Number(this.getAttribute("height")), sizing_mode: "stretch_width", toolbar_location: null, tools: [], x_range: this.x, y_range: this.y,
        y_axis_type: this.log ? "log" : "linear", background_fill_alpha: 0, border_fill_alpha: 0, outline_line_color: null, min_border_left: 54, min_border_right: 8, min_border_top: 6, lod_threshold: null,
      });
      const drag = new B.BoxZoomTool({ dimensions: "width" });
      figure.add_tools(drag, new B.CrosshairTool({ dimensions: "height" }));
      figure.toolbar.active_drag = drag;
      this.cross = figure.toolbar.tools[1];
      for (const one of this.series) {
        one.source = new B.ColumnDataSource({ data: { x: [], y: [], s: [] } });
        one.raw = figure.line({ field: "x" }, { field: "y" }, { source: one.source, line_width: 1.8, line_join: "round" });
        one.mean = figure.line({ field: "x" }, { field: "s" }, { source: one.source, line_width: 2.2, line_join: "round" });
        one.dots = figure.scatter({ field: "x" }, { field: "y" }, { source: one.source, size: 5, line_color: null });
      }
      figure.on_event("rangesupdate", (event) => this.zoomed(event));
      figure.on_event("mousemove", (event) => this.read(event.x));
      figure.on_event("mouseleave", () => this.read(undefined));
      figure.on_event("doubletap", () => this.reset());
      this.plot = figure;
      this.paint();
      this.update();
      const place = make("div", "");
      this.host.append(place);
      this.view = await B.Plotting.show(figure, place);
    }

    zoomed({ x0, x1 }) {
      if (this.settling || !(x1 > x0)) return;
      this.zoom = [x0, x1];
      this.fit();
    }

    reset() {
      this.zoom = null;
      this.fit();
    }

    // All steps, or the part zoomed into; the values always fill the height.
    fit() {
      if (!this.plot) return;
      const drawn = this.series.filter((one) => one.xs.length);
      if (!drawn.length) return;
      const first = Math.min(...drawn.map((one) => one.xs[0]));
      const last = Math.max(...drawn.map((one) => one.xs[one.xs.length - 1]));
      const [start, end] = this.zoom || [first, last > first ? last : first + 1];
      let low = Infinity, high = -Infinity;
      for (const one of drawn) {
        for (let at = 0; at < one.xs.length; at += 1) {
          const value = one.ys[at];
          if (one.xs[at] < start || one.xs[at] > end || !Number.isFinite(value) || (this.log && value <= 0)) continue;
          if (value < low) low = value;
          if (value > high) high = value;
        }
      }
      if (low > high) [low, high] = this.log ? [0.1, 1] : [0, 1];
      const room = this.log ? (high / low) ** 0.06 : (high - low) * 0.07 || Math.abs(high) * 0.1 || 1;
      this.settling = true;
      this.x.setv({ start, end });
      this.y.setv(this.log ? { start: low / Math.max(room, 1.05), end: high * Math.max(room, 1.05) } : { start: low - room, end: high + room });
      this.settling = false;
      this.dataset.zoom = this.zoom ? this.zoom.join(" ") : "";
      if (this.resetButton) this.resetButton.hidden = !this.zoom;
    }

    fill() {
      const count = this.series.reduce((sum, one) => sum + one.xs.length, 0);
      this.dataset.points = count;
      this.note.hidden = count > 0;
      this.note.textContent = this.ended ? "No points" : "Waiting for the first point";
      this.read(undefined);
      if (this.plot) this.update();
      else if (count) this.draw();
    }

    update() {
      for (const one of this.series) {
        const smoothed = this.weight > 0 && one.xs.length > 2;
        one.source.data = { x: one.xs, y: one.ys, s: smoothed ? smooth(one.ys, this.weight) : [...one.ys].fill(NaN) };
        one.raw.glyph.line_alpha = smoothed ? 0.28 : 1;
        one.mean.visible = smoothed;
        one.dots.visible = one.xs.length < 40;
        one.item.hidden = this.series.length > 1 && one.xs.length === 0;
      }
      this.fit();
    }

    // The legend's numbers: the last ones, or those under the pointer.
    read(x) {
      for (const one of this.series) {
        const at = x === undefined ? one.ys.length - 1 : nearest(one.xs, x);
        one.shown.textContent = written(one.ys[at]);
        one.item.title = one.xs.length ? `step ${one.xs[at]}` : "";
        one.item.hidden = this.series.length > 1 && one.xs.length === 0;
      }
    }

    toggleLog() {
      this.log = !this.log;
      this.logButton.setAttribute("aria-pressed", String(this.log));
      if (!this.plot) return;
      this.plot = null;
      this.view?.remove?.();
      this.host.lastElementChild?.remove();
      this.draw();
    }

    paint() {
      if (!this.plot) return;
      const [text, line, muted] = ["--ts-muted", "--ts-line", "--ts-faint"].map(color);
      for (const one of this.series) {
        one.raw.glyph.line_color = one.mean.glyph.line_color = color(one.color);
        one.dots.glyph.fill_color = color(one.color);
      }
      const font = color("--ts-sans");
      for (const axis of [...this.plot.below, ...this.plot.left]) {
        axis.formatter = new window.Bokeh.CustomJSTickFormatter({ code: "return Number(tick.toPrecision(3)).toString()" });
        axis.setv({ axis_line_color: null, major_tick_line_color: null, minor_tick_line_color: null, major_label_text_color: text, major_label_text_font: font, major_label_text_font_size: "12px" });
      }
      for (const grid of this.plot.center) {
        if (grid.dimension === 0) grid.grid_line_color = null;
        else grid.grid_line_color = line;
      }
      this.cross.setv({ line_color: muted, line_alpha: 0.7 });
    }

    async save() {
      if (!this.view) return;
      const layer = this.view.export("png", true);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await layer.to_blob());
      link.download = `${this.run}-${this.series[0].name}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }
  }

  customElements.define("ts-chart", Chart);
})();
