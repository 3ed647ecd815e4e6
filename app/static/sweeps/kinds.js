// The plain charts of a sweep: history, importance, slices, timeline, Pareto front. Each is {draw, table, legend, remarks}.
(() => {
  const tunesmith = window.tunesmith;
  const { sweeps, color } = tunesmith;
  const { finished, searched, valuesOf, fieldScale, fence, within, ramp } = sweeps;
  const { makeFigure, points, steps, line, level, word } = sweeps.figure;
  const STATE_COLORS = { complete: "--ts-series-1", pruned: "--ts-series-6", failed: "--ts-bad", refused: "--ts-faint", running: "--ts-series-4" };
  const SECONDS_A_DAY = 86_400;

  const axisOf = (data, at) => ({ unit: data.objectives[at].unit, title: data.objectives[at].title });
  const counted = (count, one, several = `${one}s`) => `${count.toLocaleString("en-US")} ${count === 1 ? one : several}`;
  const beyond = ({ least, greatest }, values) => values.filter((value) => value < least || value > greatest).length;
  const atEdge = (count) => (count ? `${counted(count, "value")} far out ${count === 1 ? "is" : "are"} drawn at the edge.` : "");

  // Trial after trial, the best value so far; what was not finished is marked or named.
  function bestSoFar(trials, at, direction) {
    const better = direction === "minimize" ? (a, b) => a < b : (a, b) => a > b;
    return trials.filter(({ values }, place) => trials.slice(0, place).every((before) => better(values[at], before.values[at])));
  }

  function startOf(data, at) {
    const same = ({ params }) => Object.entries(data.start).every(([name, value]) => params[name] === value);
    return finished(data, at).find(same)?.values[at];
  }

  const history = {
    draw(chart, B) {
      const { data, at } = chart;
      const done = finished(data, at);
      const repeats = data.trials.filter(({ phase, values }) => phase === "repeat" && values);
      const pruned = at === 0 ? searched(data, "pruned").filter(({ last }) => last !== null) : [];
      const range = fence([...valuesOf(done, at), ...valuesOf(repeats, at)]);
      const last = Math.max(1, ...data.trials.map(({ number }) => number));
      const figure = makeFigure(B, chart.height, { low: -0.7, high: last + 0.7, title: "Trial" }, { ...range, ...axisOf(data, at), grid: true });
      const best = bestSoFar(done, at, data.objectives[at].direction);
      const start = startOf(data, at);
      if (start !== undefined) level(B, figure, within(range, start), "--ts-faint");
      const ends = best.length ? [...best, { number: last + 0.7, values: best.at(-1).values }] : [];
      steps(B, figure, ends.map(({ number }) => number), valuesOf(ends, at).map((value) => within(range, value)), "--ts-series-2");
      const put = (trials, values, looks) => points(B, figure, chart, { trials, xs: trials.map(({ number }) => number), ys: values.map((value) => within(range, value)), ...looks });
      put(pruned, pruned.map(({ last: value }) => value), { marker: "inverted_triangle", fill: color("--ts-card"), line: color(STATE_COLORS.pruned), size: 8 });
      put(repeats, valuesOf(repeats, at), { marker: "diamond", fill: color("--ts-card"), line: color("--ts-series-3"), size: 11 });
      put(done, valuesOf(done, at), { fill: color("--ts-series-1") });
      chart.outside = beyond(range, valuesOf(done, at));
      return figure;
    },
    legend: ({ data }) => [
      { label: "a finished trial", series: "--ts-series-1" },
      { label: "best so far", series: "--ts-series-2" },
      ...(startOf(data, 0) === undefined ? [] : [{ label: "the start", series: "--ts-faint" }]),
      ...(searched(data, "pruned").length ? [{ label: "pruned, at its last value", series: STATE_COLORS.pruned }] : []),
      ...(data.trials.some(({ phase }) => phase === "repeat") ? [{ label: "best again, other seeds", series: "--ts-series-3" }] : []),
    ],
    remarks: (chart) => [atEdge(chart.outside), leftOut(chart.data, ["failed", "refused"])],
    table: ({ data, at }) => {
      const best = new Set(bestSoFar(finished(data, at), at, data.objectives[at].direction));
      const rows = data.trials.map((trial) => [trial.number, trial.state, written(data, trial, at), best.has(trial) ? "yes" : ""]);
      return { head: ["Trial", "State", data.objectives[at].title, "Best so far"], rows };
    },
  };

  const written = (data, { values }, at) => (values ? tunesmith.written(values[at], data.objectives[at].unit) : "–");

  function leftOut(data, states) {
    const uncompared = searched(data, "complete").filter(({ values }) => !values).length; // by taste
    const words = [...states.map((state) => [searched(data, state).length, state]), [uncompared, "not compared"]].filter(([count]) => count);
    return words.length ? `Left out: ${words.map(([count, state]) => `${count} ${state}`).join(", ")}.` : "";
  }

  const importance = {
    ofWork: true, // what it draws comes later than the trials
    /** @returns {[string, number][]} */
    shares: ({ data }) => Object.entries(data.importance.shares ?? {}),
    heightOf: (chart) => Math.max(120, 40 + 34 * importance.shares(chart).length),
    empty: (chart) => (importance.shares(chart).length ? "" : chart.data.importance.said),
    draw(chart, B) {
      const shares = importance.shares(chart).reverse();
      const titles = shares.map(([name]) => chart.data.fields.find((field) => field.name === name)?.title ?? name);
      const most = Math.max(...shares.map(([, share]) => share), 0.01);
      const y = { low: -0.6, high: shares.length - 0.4, choices: titles };
      const figure = makeFigure(B, importance.heightOf(chart), { low: 0, high: most * 1.18, bare: true }, y);
      figure.min_border_left = 110;
      const source = new B.ColumnDataSource({ data: { y: shares.map((_, at) => at), right: shares.map(([, share]) => share) } });
      figure.hbar({ y: { field: "y" }, right: { field: "right" }, left: 0, height: 0.55, source, fill_color: color("--ts-series-1"), line_color: null });
      shares.forEach(([, share], at) => word(B, figure, `${Math.round(share * 100)} %`, share, at, { x_offset: 6, text_baseline: "middle" }));
      return figure;
    },
    legend: () => [],
    remarks: (chart) => (importance.shares(chart).length ? [chart.data.importance.said] : []),
    table: (chart) => ({ head: ["Field", "Share"], rows: importance.shares(chart).map(([name, share]) => [name, `${(share * 100).toFixed(1)} %`]) }),
  };

  // One field against the value; later trials are darker.
  const slice = {
    draw(chart, B) {
      const { data, at } = chart;
      const field = data.fields.find(({ name }) => name === chart.getAttribute("field"));
      const scale = fieldScale(field);
      const done = finished(data, at);
      const range = fence(valuesOf(done, at));
      const figure = makeFigure(B, chart.height, { ...scale, ...room(scale), title: field.title }, { ...range, ...axisOf(data, at), grid: true });
      const last = Math.max(1, done.length - 1);
      const fill = done.map((_, place) => ramp(place / last));
      points(B, figure, chart, { trials: done, xs: done.map(({ params }) => scale.of(params[field.name])), ys: valuesOf(done, at).map((value) => within(range, value)), fill, line: color("--ts-card"), size: 9 });
      chart.outside = beyond(range, valuesOf(done, at));
      return figure;
    },
    legend: ({ data, at }) => [{ label: `${data.objectives[at].title}: early trials`, series: ramp(0) }, { label: "late", series: ramp(1) }],
    remarks: (chart) => [atEdge(chart.outside)],
    table: (chart) => {
      const { data, at } = chart;
      const name = chart.getAttribute("field");
      return { head: ["Trial", name, data.objectives[at].title], rows: finished(data, at).map((trial) => [trial.number, sweeps.worded(trial.params[name]), written(data, trial, at)]) };
    },
  };

  // A little room at the ends, so that no point is cut in half.
  function room({ low, high, log, choices }) {
    if (choices) return { low, high };
    if (log) return { low: low / (high / low) ** 0.04, high: high * (high / low) ** 0.04 };
    const apart = (high - low) * 0.04 || 1;
    return { low: low - apart, high: high + apart };
  }

  const timeline = {
    heightOf: ({ data }) => Math.min(900, Math.max(180, 60 + 8 * data.trials.length)),
    begun: ({ data }) => data.trials.filter(({ started_at: started, state }) => started && state !== "refused"),
    empty: (chart) => (timeline.begun(chart).length ? "" : "No trial has begun."),
    draw(chart, B) {
      const trials = timeline.begun(chart);
      const zero = Math.min(...trials.map(({ started_at: started }) => started));
      const now = Date.now() / 1000;
      const ends = trials.map(({ ended_at: ended }) => (ended ?? now) - zero);
      const [size, sign] = timeUnit(Math.max(...ends, 1));
      const numbers = trials.map(({ number }) => number);
      const y = { low: Math.max(...numbers) + 0.8, high: Math.min(...numbers) - 0.8, title: "Trial" };
      const figure = makeFigure(B, timeline.heightOf(chart), { low: 0, high: (Math.max(...ends, 1) / size) * 1.02, title: `Since the first trial began, in ${sign}`, grid: true }, y);
      const left = trials.map(({ started_at: started }) => (started - zero) / size);
      const source = new B.ColumnDataSource({ data: { y: numbers, left, right: ends.map((end) => end / size), fill: trials.map(({ state }) => color(STATE_COLORS[state])) } });
      const bars = figure.hbar({ y: { field: "y" }, left: { field: "left" }, right: { field: "right" }, height: 0.72, source, fill_color: { field: "fill" }, line_color: null });
      sweeps.figure.hearing(B, figure, chart, bars, source, trials);
      return figure;
    },
    legend: (chart) => [...new Set(timeline.begun(chart).map(({ state }) => state))].map((state) => ({ label: state, series: STATE_COLORS[state] })),
    remarks: (chart) => [leftOut(chart.data, ["refused"])],
    table: (chart) => ({
      head: ["Trial", "State", "Began", "Seconds"],
      rows: timeline.begun(chart).map(({ number, state, started_at: began, seconds }) => [number, state, new Date(began * 1000).toLocaleString("en-GB"), seconds === null ? "–" : seconds.toFixed(1)]),
    }),
  };

  /** @returns {[number, string]} */
  function timeUnit(seconds) {
    if (seconds > 2 * SECONDS_A_DAY) return [SECONDS_A_DAY, "days"];
    if (seconds > 7200) return [3600, "hours"];
    return seconds > 180 ? [60, "minutes"] : [1, "seconds"];
  }

  // Two objectives against each other, and the trials that no other beats in all of them.
  const pareto = {
    pair: (chart) => [chart.chosen("pareto-x", chart.data.objectives.length) ?? 0, chart.chosen("pareto-y", chart.data.objectives.length) ?? 1],
    controls: ({ data }) => (data.objectives.length > 2 ? [["pareto-x", "Across", data.objectives.map(({ title }) => title), 0], ["pareto-y", "Up", data.objectives.map(({ title }) => title), 1]] : []),
    draw(chart, B) {
      const { data } = chart;
      const [across, up] = pareto.pair(chart);
      const done = finished(data, across).filter(({ values }) => Number.isFinite(values[up]));
      const [x, y] = [across, up].map((at) => ({ ...fence(valuesOf(done, at)), ...axisOf(data, at), grid: true }));
      const figure = makeFigure(B, chart.height, x, y);
      const front = new Set(data.front);
      const [best, others] = [done.filter(({ number }) => front.has(number)), done.filter(({ number }) => !front.has(number))];
      best.sort((a, b) => a.values[across] - b.values[across]);
      const place = (trials) => ({ trials, xs: valuesOf(trials, across).map((value) => within(x, value)), ys: valuesOf(trials, up).map((value) => within(y, value)) });
      points(B, figure, chart, { ...place(others), fill: color("--ts-line-strong"), line: color("--ts-faint") });
      const { xs, ys } = place(best);
      if (data.objectives.length === 2) line(B, figure, xs, ys, { line_color: color("--ts-series-2"), line_width: 1.5, line_dash: [4, 3] });
      points(B, figure, chart, { ...place(best), fill: color("--ts-series-2"), size: 10 });
      return figure;
    },
    legend: () => [{ label: "no other trial beats it in every objective", series: "--ts-series-2" }, { label: "beaten", series: "--ts-faint" }],
    remarks: ({ data }) => [`${counted(data.front.length, "trial")} on the front.`, leftOut(data, ["pruned", "failed", "refused"])],
    table: ({ data }) => ({
      head: ["Trial", "Front", ...data.objectives.map(({ title }) => title)],
      rows: finished(data, 0).map((trial) => [trial.number, data.front.includes(trial.number) ? "yes" : "", ...trial.values.map((_, at) => written(data, trial, at))]),
    }),
  };

  Object.assign(sweeps.kinds, { history, importance, slice, timeline, pareto });
  Object.assign(sweeps, { axisOf, written, leftOut, counted, room });
})();
