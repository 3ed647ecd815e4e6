// Parallel coordinates: a line a trial, an axis a field, the value last. A drag along an axis chooses a stretch of it.
(() => {
  const tunesmith = window.tunesmith;
  const { sweeps, color } = tunesmith;
  const { finished, valuesOf, fieldScale, fence, within, ramp, goodness } = sweeps;
  const { makeFigure, hearing, line, word } = sweeps.figure;
  const WIDTH_OF_AXIS = 104; // pixels, at least
  const NEAR = 0.35; // of the room between two axes
  const [BOTTOM, TOP] = [-0.19, 1.09];
  const LABELS = 6; // of an axis of choices that are written

  // Every axis: its title, where a value stands (0 to 1), and what is written beside it.
  function axes({ data, at }) {
    const fields = data.fields.map((field) => {
      const scale = fieldScale(field);
      const every = scale.choices ? Math.ceil(scale.choices.length / LABELS) : 1;
      const marks = scale.choices
        ? scale.choices.map((label, place) => [scale.choices.length > 1 ? place / (scale.choices.length - 1) : 0.5, label]).filter((_, place) => place % every === 0)
        : [0, 0.5, 1].map((part) => [part, scale.words(Number(scale.at(part).toPrecision(3)))]);
      const part = scale.choices ? (at) => scale.share(field.choices[at]) : scale.share;
      return { title: field.title, name: field.name, of: ({ params }) => scale.share(params[field.name]), marks, scale: { choices: scale.choices, at: scale.at, part } };
    });
    const range = fence(valuesOf(finished(data, at), at));
    const apart = range.high - range.low;
    const marks = [0, 0.5, 1].map((part) => [part, tunesmith.written(range.low + part * apart, data.objectives[at].unit)]);
    const scale = { choices: null, at: (part) => range.low + part * apart, part: (number) => (number - range.low) / apart };
    const value = { title: data.objectives[at].title, name: "", of: ({ values }) => (within(range, values[at]) - range.low) / apart, marks, scale };
    return [...fields, value];
  }

  const inside = (brushes, all, trial) => [...brushes].every(([at, [low, high]]) => !all[at] || (all[at].of(trial) >= low && all[at].of(trial) <= high));

  // The trials that every brush lets through.
  const chosen = (chart) => finished(chart.data, chart.at).filter((trial) => inside(chart.brushes, axes(chart), trial));

  function draw(chart, B) {
    const { data, at } = chart;
    const all = axes(chart);
    const trials = [...finished(data, at)];
    const good = new Map(goodness(valuesOf(trials, at), data.objectives[at].direction).map((part, place) => [trials[place], part]));
    const lit = new Set(chosen(chart));
    trials.sort((a, b) => Number(lit.has(a)) - Number(lit.has(b)) || good.get(a) - good.get(b)); // the best on top
    const figure = makeFigure(B, chart.height, { low: -0.35, high: all.length - 0.35, bare: true }, { low: BOTTOM, high: TOP, bare: true });
    all.forEach((axis, place) => drawAxis(B, figure, axis, place));
    const columns = {
      xs: trials.map(() => all.map((_, place) => place)),
      ys: trials.map((trial) => all.map((axis) => axis.of(trial))),
      paint: trials.map((trial) => (lit.has(trial) ? ramp(good.get(trial)) : color("--ts-line"))),
      width: trials.map((trial) => (lit.has(trial) ? 1.2 + 1.2 * good.get(trial) : 1)),
    };
    const source = new B.ColumnDataSource({ data: columns });
    const drawn = figure.multi_line({ field: "xs" }, { field: "ys" }, { source, line_color: { field: "paint" }, line_width: { field: "width" }, line_join: "round" });
    hearing(B, figure, chart, drawn, source, trials);
    for (const [place, [low, high]] of chart.brushes) mark(B, figure, place, low, high);
    brushing(B, figure, chart, all.length);
    return figure;
  }

  function drawAxis(B, figure, axis, place) {
    line(B, figure, [place, place], [0, 1], { line_color: color("--ts-faint"), line_width: 1.5 });
    const shown = axis.title.length > 18 ? `${axis.title.slice(0, 17)}…` : axis.title;
    word(B, figure, shown, place, -0.07, { text_align: "center", text_baseline: "top", text_color: color("--ts-text") });
    for (const [part, label] of axis.marks) {
      const text = String(label).length > 12 ? `${String(label).slice(0, 11)}…` : String(label);
      word(B, figure, text, place, part, { x_offset: 5, text_baseline: "middle", text_font_size: "11px", background_fill_color: color("--ts-card"), background_fill_alpha: 0.75 });
    }
  }

  function mark(B, figure, place, low, high) {
    figure.add_layout(new B.BoxAnnotation({ left: place - 0.06, right: place + 0.06, bottom: low, top: high, fill_color: color("--ts-series-2"), fill_alpha: 0.3, line_color: color("--ts-series-2") }));
  }

  function brushing(B, figure, chart, count) {
    const drag = new B.BoxSelectTool({ renderers: [], overlay: new B.BoxAnnotation({ fill_color: color("--ts-series-2"), fill_alpha: 0.15, line_color: color("--ts-series-2"), visible: false }) });
    figure.add_tools(drag);
    figure.toolbar.active_drag = drag;
    figure.on_event("selectiongeometry", ({ geometry, final }) => {
      if (!final || geometry.type !== "rect") return;
      const [left, right, low, high] = [Math.min(geometry.x0, geometry.x1), Math.max(geometry.x0, geometry.x1), Math.min(geometry.y0, geometry.y1), Math.max(geometry.y0, geometry.y1)];
      const brushed = Array.from({ length: count }, (_, at) => at).filter((at) => at > left - NEAR && at < right + NEAR);
      const middle = (left + right) / 2;
      const nearest = brushed.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle)).filter((at, place) => place === 0 || (at >= left && at <= right));
      setTimeout(() => chart.brush(nearest, [Math.max(-0.01, low), Math.min(1.01, high)]));
    });
  }

  function said(chart) {
    const of = finished(chart.data, chart.at).length;
    if (!chart.brushes.size) return "Drag along an axis, or write limits below, to keep only the trials that pass there. A double click, or Reset zoom, shows all again.";
    const numbers = chosen(chart).map(({ number }) => number);
    const named = numbers.slice(0, 12).join(", ") + (numbers.length > 12 ? " and more" : "");
    return `${numbers.length} of ${of} trials pass${numbers.length ? `: ${named}` : ""}.`;
  }

  sweeps.kinds.parallel = {
    draw,
    axes,
    widthOf: (chart) => WIDTH_OF_AXIS * (chart.data.fields.length + 1),
    isNarrowed: (chart) => chart.brushes.size > 0,
    legend: () => [{ label: "worst", series: ramp(0) }, { label: "best", series: ramp(1) }],
    remarks: (chart) => [said(chart), sweeps.leftOut(chart.data, ["pruned", "failed", "refused"])],
    table: (chart) => ({
      head: ["Trial", ...chart.data.fields.map(({ title }) => title), chart.data.objectives[chart.at].title],
      rows: chosen(chart).map((trial) => [trial.number, ...chart.data.fields.map(({ name }) => sweeps.worded(trial.params[name])), sweeps.written(chart.data, trial, chart.at)]),
    }),
  };
})();
