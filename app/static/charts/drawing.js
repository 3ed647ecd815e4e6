// Draws curves with BokehJS, which is loaded when the first chart has something to draw.
(() => {
  const tunesmith = window.tunesmith;
  const FEW_POINTS = 40; // so few are drawn as dots too
  const FAR_OUT = 3; // times the distance between the quartiles: Tukey's "far out" (Exploratory Data Analysis, 1977)
  const FEWEST_TO_CLIP = 25;
  const MOST_TICKS = 6;
  const LEAST = 1e-100; // a difference that can be drawn
  const LABEL_ROOM = 64; // pixels left of the curves, so that those of charts in a column stand in one line
  const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400]; // seconds
  const BAND_COLORS = { error: "--ts-bad", warning: "--ts-warn", info: "--ts-muted" };
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
      const { xs } = this.curve;
      const ys = this.curve.ys.every((value) => tunesmith.drawable(value)) ? this.curve.ys : this.curve.ys.map((value) => (tunesmith.drawable(value) ? value : NaN));
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

  // `on` has what to call for what the pointer does: zoomed(first, last), pointed(place or undefined), reset().
  class Drawing {
    // `values` has the unit of the values and the name of their axis.
    constructor(host, height, values, on) {
      this.host = host;
      this.height = height;
      this.values = values;
      this.on = on;
      this.curves = [];
      this.cursor = tunesmith.make("i", "ts-cursor");
      this.cursor.hidden = true;
    }

    // Draws the curves as they are now. `look` has weight (of the smoothing), log, clip, kind (of the axis below), zoom
    // (two places or null) and bands.
    async update(curves, look) {
      this.look = look;
      const B = await bokeh();
      if (!B || look !== this.look || !this.host.isConnected) return; // a later look is on its way
      const anew = !this.figure || this.drawn !== lines(curves, look);
      if (anew) this.build(B, curves, look);
      for (const line of this.lines) line.update(look.weight);
      this.mark(look.bands);
      this.fit(look.zoom);
      if (anew) await this.show(B);
    }

    build(B, curves, look) {
      this.view?.remove();
      this.frame?.remove();
      this.view = null;
      this.curves = curves;
      this.drawn = lines(curves, look);
      this.x = new B.Range1d({ start: 0, end: 1 });
      this.y = new B.Range1d({ start: 0, end: 1 });
      this.figure = this.makeFigure(B);
      if (look.kind === "time") this.figure.below[0].ticker = new B.FixedTicker({ ticks: [] });
      this.lines = curves.map((curve) => new Line(B, this.figure, curve));
      this.bands = look.bands.map(() => new B.BoxAnnotation({ fill_alpha: 0.14, line_color: null, level: "underlay" }));
      for (const band of this.bands) this.figure.add_layout(band);
      this.paint();
    }

    async show(B) {
      const { figure } = this;
      this.frame = document.createElement("div");
      this.host.append(this.frame, this.cursor);
      const view = await B.Plotting.show(figure, this.frame);
      if (figure === this.figure) this.view = view;
    }

    makeFigure(B) {
      const figure = B.Plotting.figure({
        height: this.height, sizing_mode: "stretch_width", toolbar_location: null, tools: [], x_range: this.x, y_range: this.y,
        y_axis_type: this.look.log ? "log" : "linear", background_fill_alpha: 0, border_fill_alpha: 0, outline_line_color: null,
        min_border_left: LABEL_ROOM, min_border_right: 18, min_border_top: 6, lod_threshold: null,
      });
      const drag = new B.BoxZoomTool({ dimensions: "width" });
      figure.add_tools(drag);
      figure.toolbar.active_drag = drag;
      figure.on_event("rangesupdate", ({ x0, x1 }) => !this.settling && x1 > x0 && this.on.zoomed(x0, x1));
      figure.on_event("mousemove", ({ x }) => this.on.pointed(x));
      figure.on_event("mouseleave", () => this.on.pointed(undefined));
      figure.on_event("doubletap", () => this.on.reset());
      return figure;
    }

    // Stretches that somebody points at, behind the curves.
    mark(bands) {
      this.bands.forEach((band, at) => {
        const { first, last, severity } = bands[at];
        band.setv({ left: first, right: last, fill_color: color(BAND_COLORS[severity] ?? BAND_COLORS.info) });
      });
    }

    // All places, or the part zoomed into; the values always fill the height.
    fit(zoom) {
      const curves = this.curves.filter(({ xs }) => xs.length);
      if (!this.figure || !curves.length) return;
      const [start, end] = zoom || allPlaces(curves);
      const [low, high] = this.heights(curves, start, end);
      this.settling = true;
      if (this.look.kind === "time") this.figure.below[0].ticker.ticks = timeTicks(start, end);
      this.x.setv({ start, end });
      this.y.setv({ start: low, end: high });
      this.settling = false;
    }

    heights(curves, start, end) {
      const { log, clip } = this.look;
      const inSight = [];
      for (const { xs, ys } of curves) {
        for (let at = 0; at < xs.length; at += 1) if (xs[at] >= start && xs[at] <= end && this.drawable(ys[at])) inSight.push(ys[at]);
      }
      inSight.sort((a, b) => a - b);
      const [low, high] = clip ? withoutOutliers(inSight, log) : [inSight[0], inSight.at(-1)];
      const [bottom, top] = log ? logRoom(low, high) : linearRoom(low, high);
      this.outside = inSight.reduce((count, value) => count + Number(value < bottom || value > top), 0);
      return [bottom, top];
    }

    drawable(value) {
      return tunesmith.drawable(value, this.look.log);
    }

    // The cursor of all charts, at a place that another chart may have been pointed at.
    point(x) {
      const { start, end } = this.x ?? {};
      const inner = this.view?.frame?.bbox;
      this.cursor.hidden = x === undefined || !inner || x < start || x > end;
      if (!this.cursor.hidden) this.cursor.style.left = `${inner.left + ((x - start) / (end - start)) * inner.width}px`;
    }

    resize(height) {
      this.host.style.height = `${height}px`;
      this.height = height;
      if (this.figure) this.figure.height = height;
    }

    paint() {
      if (!this.figure) return;
      for (const line of this.lines) line.paint();
      const words = { major_label_text_color: color("--ts-muted"), major_label_text_font: color("--ts-sans"), major_label_text_font_size: "12px" };
      const quiet = { axis_line_color: null, major_tick_line_color: null, minor_tick_line_color: null, ...words };
      const below = `return tunesmith.place(tick, ${JSON.stringify(this.look.kind)}, ticks[ticks.length - 1])`;
      const beside = `return tunesmith.tick(tick, ${JSON.stringify(this.values.unit)})`;
      const policy = () => ({ major_label_policy: new window.Bokeh.NoOverlap({ min_distance: 6 }) });
      for (const axis of this.figure.below) axis.setv({ ...quiet, ...policy(), formatter: new window.Bokeh.CustomJSTickFormatter({ code: below }) });
      const named = { axis_label: tunesmith.axisName(this.values.name, this.height), axis_label_standoff: 4, axis_label_text_color: color("--ts-muted"), axis_label_text_font: color("--ts-sans"), axis_label_text_font_size: "12px", axis_label_text_font_style: "normal" };
      for (const axis of this.figure.left) axis.setv({ ...quiet, ...named, ...policy(), formatter: new window.Bokeh.CustomJSTickFormatter({ code: beside }) });
      for (const grid of this.figure.center) if ("grid_line_color" in grid) grid.grid_line_color = grid.dimension === 0 ? null : color("--ts-line");
      this.mark(this.look.bands);
    }

    picture(title, legend) {
      return pictureOf(this.view, this.host, title, legend);
    }
  }

  // A chart as a picture: its title and what the colours mean above it, on the ground it stands on.
  function pictureOf(view, host, title, legend) {
    const plot = view.export("png", true).canvas;
    const scale = plot.width / host.clientWidth;
    const canvas = Object.assign(document.createElement("canvas"), { width: plot.width, height: plot.height + 56 * scale });
    const context = canvas.getContext("2d");
    context.fillStyle = color("--ts-card");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(plot, 0, 56 * scale);
    context.scale(scale, scale);
    headed(context, title, legend);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  function headed(context, title, legend) {
    context.fillStyle = color("--ts-text");
    context.font = `600 15px ${color("--ts-sans")}`;
    context.fillText(title, 14, 22);
    context.font = `400 13px ${color("--ts-sans")}`;
    let left = 14;
    for (const { label, series } of legend) {
      context.fillStyle = series.startsWith("--") ? color(series) : series;
      context.fillRect(left, 38, 12, 3);
      context.fillStyle = color("--ts-muted");
      context.fillText(label, left + 18, 44);
      left += 36 + context.measureText(label).width;
    }
  }

  // What cannot be changed in a figure that is shown: other curves, more bands or another kind of axis need a new one.
  const lines = (curves, { log, kind, bands }) => `${log} ${kind} ${bands.length} ${curves.map(({ name, own }) => `${own ?? ""}/${name}`).join("\n")}`;

  function allPlaces(curves) {
    const first = Math.min(...curves.map(({ xs }) => xs[0]));
    const last = Math.max(...curves.map(({ xs }) => xs[xs.length - 1]));
    return last > first ? [first, last] : [first - 1, first + 1]; // one point stands in the middle
  }

  // The least and the greatest of sorted values that are not far from the middle half of them.
  function withoutOutliers(values, log) {
    const scaled = (at) => (log ? Math.log(values[at]) : values[at]);
    const [first, third] = [scaled(values.length >> 2), scaled((values.length * 3) >> 2)];
    const far = FAR_OUT * (third - first);
    if (values.length < FEWEST_TO_CLIP || far === 0) return [values[0], values.at(-1)];
    const [least, greatest] = log ? [Math.exp(first - far), Math.exp(third + far)] : [first - far, third + far];
    return [Math.max(values[0], least), Math.min(values.at(-1), greatest)];
  }

  // Whole minutes, quarters and hours.
  function timeTicks(start, end) {
    const apart = TIMES.find((one) => (end - start) / one <= MOST_TICKS) ?? Math.ceil((end - start) / MOST_TICKS / 86_400) * 86_400;
    const ticks = [];
    for (let at = Math.ceil(start / apart) * apart; at <= end; at += apart) ticks.push(at);
    return ticks;
  }

  function linearRoom(low, high) {
    if (low === undefined) return [0, 1]; // nothing in sight
    const isFlat = high - low <= Math.max(Math.abs(high) * 1e-12, LEAST);
    const room = isFlat ? (Math.abs(high) > LEAST ? Math.abs(high) * 0.1 : 1) : (high - low) * 0.07;
    return [low - room, high + room];
  }

  function logRoom(low, high) {
    if (low === undefined) return [0.1, 1];
    const room = Math.max((high / low) ** 0.06, 1.05);
    return [low / room, high * room];
  }

  Object.assign(tunesmith, { Drawing, bokeh, color, pictureOf });
})();
