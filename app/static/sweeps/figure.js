// Bokeh's figures for the charts of a sweep, in the colours of the page, and what the pointer finds in them.
(() => {
  const tunesmith = window.tunesmith;
  const { sweeps, color } = tunesmith;
  const LABEL_ROOM = 58;

  // A figure without tools. `x` and `y` say {low, high, log, choices, unit, title, words} of an axis.
  function makeFigure(B, height, x, y) {
    const figure = B.Plotting.figure({
      height, sizing_mode: "stretch_width", toolbar_location: null, tools: [],
      x_range: new B.Range1d({ start: x.low, end: x.high }), y_range: new B.Range1d({ start: y.low, end: y.high }),
      x_axis_type: x.log ? "log" : "linear", y_axis_type: y.log ? "log" : "linear",
      background_fill_alpha: 0, border_fill_alpha: 0, outline_line_color: null,
      min_border_left: y.bare ? 12 : LABEL_ROOM, min_border_right: 18, min_border_top: 8, lod_threshold: null,
    });
    for (const axis of figure.below) dress(B, axis, x);
    for (const axis of figure.left) dress(B, axis, { ...y, title: y.title && tunesmith.axisName(y.title, height) });
    for (const grid of figure.center) if ("grid_line_color" in grid) grid.grid_line_color = (grid.dimension === 0 ? x : y).grid ? color("--ts-line") : null;
    return figure;
  }

  function dress(B, axis, { choices, unit = "", title = "", bare, ticks }) {
    const font = { major_label_text_color: color("--ts-muted"), major_label_text_font: color("--ts-sans"), major_label_text_font_size: "12px" };
    const named = { axis_label: title || null, axis_label_text_color: color("--ts-muted"), axis_label_text_font: color("--ts-sans"), axis_label_text_font_size: "12px", axis_label_text_font_style: "normal", axis_label_standoff: 6 };
    axis.setv({ axis_line_color: null, major_tick_line_color: null, minor_tick_line_color: null, ...font, ...named, major_label_policy: new B.NoOverlap({ min_distance: 6 }) });
    if (bare) return axis.setv({ visible: false });
    if (choices) {
      axis.ticker = new B.FixedTicker({ ticks: choices.map((_, at) => at), minor_ticks: [] });
      axis.major_label_overrides = new Map(choices.map((label, at) => [at, label.length > 14 ? `${label.slice(0, 13)}…` : label]));
      return;
    }
    if (ticks) axis.ticker = new B.FixedTicker({ ticks, minor_ticks: [] });
    axis.formatter = new B.CustomJSTickFormatter({ code: `return tunesmith.tick(tick, ${JSON.stringify(unit)})` });
  }

  // Points of trials; hovering and tapping them tells the chart which it is.
  function points(B, figure, chart, { trials, xs, ys, fill, line = null, marker = "circle", size = 8, alpha = 1 }) {
    const each = (one) => (Array.isArray(one) ? one : trials.map(() => one));
    const source = new B.ColumnDataSource({ data: { x: xs, y: ys, fill: each(fill), line: each(line) } });
    const looks = { source, marker, size, line_width: 1.5, fill_alpha: alpha, fill_color: { field: "fill" }, line_color: { field: "line" } };
    const drawn = figure.scatter({ field: "x" }, { field: "y" }, looks);
    hearing(B, figure, chart, drawn, source, trials);
    return drawn;
  }

  function hearing(B, figure, chart, drawn, source, trials) {
    drawn.nonselection_glyph = drawn.selection_glyph = drawn.hover_glyph = null;
    figure.add_tools(new B.HoverTool({ tooltips: null, renderers: [drawn] }));
    const under = () => {
      const at = [...(source.inspected.indices ?? [])].at(-1) ?? [...(source.inspected.multiline_indices?.keys() ?? [])].at(-1);
      return at === undefined ? undefined : trials[at];
    };
    chart.under.push(under);
  }

  // A step line: each value holds until the next.
  function steps(B, figure, xs, ys, paint, width = 2) {
    const source = new B.ColumnDataSource({ data: { x: xs, y: ys } });
    return figure.step({ field: "x" }, { field: "y" }, "after", { source, line_color: color(paint), line_width: width });
  }

  function line(B, figure, xs, ys, looks) {
    const source = new B.ColumnDataSource({ data: { x: xs, y: ys } });
    return figure.line({ field: "x" }, { field: "y" }, { source, ...looks });
  }

  // A level drawn from side to side.
  function level(B, figure, value, paint) {
    figure.add_layout(new B.Span({ dimension: "width", location: value, line_color: color(paint), line_dash: [5, 4], line_width: 1.5 }));
  }

  function word(B, figure, text, x, y, more = {}) {
    const font = { text_color: color("--ts-muted"), text_font: color("--ts-sans"), text_font_size: "12px" };
    figure.add_layout(new B.Label({ x, y, text, ...font, ...more }));
  }

  sweeps.figure = { makeFigure, points, hearing, steps, line, level, word };
})();
