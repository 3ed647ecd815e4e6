// Draws curves with BokehJS, which is loaded when the first chart has something to draw.
(() => {
  const FEW_POINTS = 40; // so few are drawn as dots too
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const arrived = {}; // by name: a second copy of BokehJS would take the models that the API brings for the first
  const load = (name) => (arrived[name] ??= fetchScript(name).catch((lost) => ((arrived[name] = undefined), Promise.reject(lost))));
  const fetchScript = (name) =>
    new Promise((done, failed) => {
      const script = Object.assign(document.createElement("script"), { src: `/static-bokeh/${name}`, onload: done, onerror: failed });
      document.head.append(script);
    });
  // Of nothing when the connection was lost, and then the next update tries again.
  const bokeh = async () => {
    try {
      await load("bokeh.min.js");
      await load("bokeh-api.min.js");
      return window.Bokeh;
    } catch {
      return undefined;
    }
  };

  // Draws one curve: its points, their smoothed mean, and dots while there are few.
  class Line {
    constructor(B, figure, curve) {
      this.curve = curve;
      this.source = new B.ColumnDataSource({ data: { x: [], y: [], mean: [] } });
      const { source } = this;
      this.raw = figure.line({ field: "x" }, { field: "y" }, { source, line_width: 1.8, line_join: "round" });
      this.mean = figure.line({ field: "x" }, { field: "mean" }, { source, line_width: 2.2, line_join: "round" });
      this.dots = figure.scatter({ field: "x" }, { field: "y" }, { source, size: 5, line_color: null });
    }

    update(weight) {
      const { xs, ys } = this.curve;
      const smoothed = weight > 0 && xs.length > 2;
      this.source.data = { x: xs, y: ys, mean: smoothed ? this.curve.smooth(weight) : ys.map(() => NaN) };
      this.raw.glyph.line_alpha = smoothed ? 0.28 : 1;
      this.mean.visible = smoothed;
      this.dots.visible = xs.length < FEW_POINTS;
    }

    paint() {
      const own = color(this.curve.color);
      this.raw.glyph.line_color = this.mean.glyph.line_color = this.dots.glyph.fill_color = own;
    }
  }

  // `on` has what to call for what the pointer does: zoomed(first, last), pointed(step or undefined), reset().
  class Drawing {
    constructor(host, height, curves, on) {
      this.host = host;
      this.height = height;
      this.curves = curves;
      this.on = on;
    }

    // Draws the curves as they are now. `look` has weight (of the smoothing), log (the axis) and zoom (two steps or null).
    async update(look) {
      this.look = look;
      const B = await bokeh();
      if (!B || look !== this.look || !this.host.isConnected) return; // a later look is on its way
      const anew = !this.figure || this.log !== look.log;
      if (anew) this.build(B, look.log);
      for (const line of this.lines) line.update(look.weight);
      this.fit(look.zoom);
      if (anew) await this.show(B);
    }

    build(B, log) {
      this.view?.remove();
      this.place?.remove();
      this.view = null;
      this.log = log;
      this.x = new B.Range1d({ start: 0, end: 1 });
      this.y = new B.Range1d({ start: 0, end: 1 });
      this.figure = this.makeFigure(B);
      this.lines = this.curves.map((curve) => new Line(B, this.figure, curve));
      this.paint();
    }

    async show(B) {
      const { figure } = this;
      this.place = document.createElement("div");
      this.host.append(this.place);
      const view = await B.Plotting.show(figure, this.place);
      if (figure === this.figure) this.view = view;
    }

    makeFigure(B) {
      const figure = B.Plotting.figure({
        height: this.height, sizing_mode: "stretch_width", toolbar_location: null, tools: [], x_range: this.x, y_range: this.y,
        y_axis_type: this.log ? "log" : "linear", background_fill_alpha: 0, border_fill_alpha: 0, outline_line_color: null,
        min_border_left: 54, min_border_right: 8, min_border_top: 6, lod_threshold: null,
      });
      const drag = new B.BoxZoomTool({ dimensions: "width" });
      this.cross = new B.CrosshairTool({ dimensions: "height" });
      figure.add_tools(drag, this.cross);
      figure.toolbar.active_drag = drag;
      figure.on_event("rangesupdate", ({ x0, x1 }) => !this.settling && x1 > x0 && this.on.zoomed(x0, x1));
      figure.on_event("mousemove", ({ x }) => this.on.pointed(x));
      figure.on_event("mouseleave", () => this.on.pointed(undefined));
      figure.on_event("doubletap", () => this.on.reset());
      return figure;
    }

    // All steps, or the part zoomed into; the values always fill the height.
    fit(zoom) {
      const curves = this.curves.filter(({ xs }) => xs.length);
      if (!this.figure || !curves.length) return;
      const [start, end] = zoom || allSteps(curves);
      const [low, high] = this.heights(curves, start, end);
      this.settling = true;
      this.x.setv({ start, end });
      this.y.setv({ start: low, end: high });
      this.settling = false;
    }

    heights(curves, start, end) {
      let low = Infinity, high = -Infinity;
      for (const { xs, ys } of curves) {
        for (let at = 0; at < xs.length; at += 1) {
          if (xs[at] < start || xs[at] > end || !this.drawable(ys[at])) continue;
          low = Math.min(low, ys[at]);
          high = Math.max(high, ys[at]);
        }
      }
      return this.log ? logRoom(low, high) : linearRoom(low, high);
    }

    drawable(value) {
      return Number.isFinite(value) && (!this.log || value > 0);
    }

    paint() {
      if (!this.figure) return;
      for (const line of this.lines) line.paint();
      const words = { major_label_text_color: color("--ts-muted"), major_label_text_font: color("--ts-sans"), major_label_text_font_size: "12px" };
      for (const axis of [...this.figure.below, ...this.figure.left]) {
        axis.formatter = new window.Bokeh.CustomJSTickFormatter({ code: "return Number(tick.toPrecision(9)).toString()" });
        axis.setv({ axis_line_color: null, major_tick_line_color: null, minor_tick_line_color: null, ...words });
      }
      for (const grid of this.figure.center) grid.grid_line_color = grid.dimension === 0 ? null : color("--ts-line");
      this.cross.setv({ line_color: color("--ts-faint"), line_alpha: 0.7 });
    }

    async save(name) {
      if (!this.view) return;
      const layer = this.view.export("png", true);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await layer.to_blob());
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }
  }

  function allSteps(curves) {
    const first = Math.min(...curves.map(({ xs }) => xs[0]));
    const last = Math.max(...curves.map(({ xs }) => xs[xs.length - 1]));
    return [first, last > first ? last : first + 1];
  }

  function linearRoom(low, high) {
    if (low > high) return [0, 1]; // nothing in sight
    const room = (high - low) * 0.07 || Math.abs(high) * 0.1 || 1;
    return [low - room, high + room];
  }

  function logRoom(low, high) {
    if (low > high) return [0.1, 1];
    const room = Math.max((high / low) ** 0.06, 1.05);
    return [low / room, high * room];
  }

  window.tunesmith.Drawing = Drawing;
})();
