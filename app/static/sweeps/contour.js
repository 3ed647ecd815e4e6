// Contour: how good the value is over two fields. Between the trials it is an estimate; where no trial is near, nothing.
(() => {
  const tunesmith = window.tunesmith;
  const { sweeps, color } = tunesmith;
  const { finished, valuesOf, fieldScale, fence, within, ramp } = sweeps;
  const { makeFigure, points } = sweeps.figure;
  const CELLS = 36; // an axis
  const REACH = 0.11; // of an axis: the standard deviation of a trial's weight
  const NEAR = 0.25; // the least sum of weights that an estimate is made of

  const pair = (chart) => {
    const { fields } = chart.data;
    return [chart.chosen("contour-x", fields.length) ?? 0, chart.chosen("contour-y", fields.length) ?? Math.min(1, fields.length - 1)].map((at) => fields[at]);
  };

  // The cells of an axis: edges to draw, and the middle as a place (a share, or the number of a choice).
  function cells(scale) {
    if (scale.choices) return scale.choices.map((_, at) => ({ from: at - 0.5, to: at + 0.5, place: at }));
    return Array.from({ length: CELLS }, (_, at) => ({ from: scale.at(at / CELLS), to: scale.at((at + 1) / CELLS), place: (at + 0.5) / CELLS }));
  }

  const placeOf = (scale, value) => (scale.choices ? scale.of(value) : scale.share(value));
  const apart = (scale, a, b) => (scale.choices ? (a === b ? 0 : Infinity) : (a - b) / REACH);

  // The mean of the trials, each weighted by a Gauss curve of its distance: Nadaraya and Watson, 1964.
  function estimate(x, y, column, row, trials) {
    let [weights, sum] = [0, 0];
    for (const { across, up, value } of trials) {
      const weight = Math.exp(-(apart(x, across, column) ** 2 + apart(y, up, row) ** 2) / 2);
      weights += weight;
      sum += weight * value;
    }
    return weights >= NEAR ? sum / weights : NaN;
  }

  function ground(B, figure, x, y, trials, paint) {
    const data = { left: [], right: [], bottom: [], top: [], fill: [] };
    for (const column of cells(x)) {
      for (const row of cells(y)) {
        const value = estimate(x, y, column.place, row.place, trials);
        if (!Number.isFinite(value)) continue;
        data.left.push(column.from);
        data.right.push(column.to);
        data.bottom.push(row.from);
        data.top.push(row.to);
        data.fill.push(paint(value));
      }
    }
    const field = (name) => ({ field: name });
    const edges = { left: field("left"), right: field("right"), bottom: field("bottom"), top: field("top") };
    figure.quad({ ...edges, source: new B.ColumnDataSource({ data }), fill_color: field("fill"), line_color: field("fill"), line_width: 1 });
  }

  function draw(chart, B) {
    const { data, at } = chart;
    const fields = pair(chart);
    const [x, y] = fields.map(fieldScale);
    const done = finished(data, at);
    const range = fence(valuesOf(done, at));
    const least = data.objectives[at].direction === "minimize";
    const paint = (value) => ramp(least ? (range.high - value) / (range.high - range.low) : (value - range.low) / (range.high - range.low));
    const placed = done.map((trial) => ({
      across: placeOf(x, trial.params[fields[0].name]), up: placeOf(y, trial.params[fields[1].name]), value: within(range, trial.values[at]),
    }));
    const figure = makeFigure(B, chart.height, { ...x, ...sweeps.room(x), title: fields[0].title }, { ...y, ...sweeps.room(y), title: fields[1].title });
    ground(B, figure, x, y, placed, paint);
    points(B, figure, chart, {
      trials: done, xs: done.map(({ params }) => x.of(params[fields[0].name])), ys: done.map(({ params }) => y.of(params[fields[1].name])),
      fill: color("--ts-card"), line: color("--ts-text"), size: 7,
    });
    return figure;
  }

  sweeps.kinds.contour = {
    draw,
    empty: ({ data }) => (data.fields.length < 2 ? "There is only one field." : ""),
    controls: ({ data }) => [["contour-x", "Across", data.fields.map(({ title }) => title), 0], ["contour-y", "Up", data.fields.map(({ title }) => title), 1]],
    legend: ({ data, at }) => [{ label: `${data.objectives[at].title}: worst`, series: ramp(0) }, { label: "best", series: ramp(1) }],
    remarks: (chart) => ["Between the trials it is an estimate, the mean of those near. Where none is near it stays empty.", sweeps.leftOut(chart.data, ["pruned", "failed", "refused"])],
    table: (chart) => {
      const { data, at } = chart;
      const fields = pair(chart);
      return {
        head: ["Trial", ...fields.map(({ title }) => title), data.objectives[at].title],
        rows: finished(data, at).map((trial) => [trial.number, ...fields.map(({ name }) => sweeps.worded(trial.params[name])), sweeps.written(data, trial, at)]),
      };
    },
  };
})();
