// What the charts of a sweep draw. All of a page share one answer of /api/sweeps/ID/plots, asked for again while it moves.
(() => {
  const tunesmith = window.tunesmith;
  const SHARED = 900; // milliseconds for which an answer serves every chart
  const FAR_OUT = 3; // times the distance between the quartiles: Tukey's "far out" (Exploratory Data Analysis, 1977)

  const stores = new Map();

  // The newest answer, the same object while nothing has changed; null when the sweep is gone.
  function sweepData(id) {
    const store = stores.get(id) ?? { data: undefined, at: 0, asking: null };
    stores.set(id, store);
    if (Date.now() - store.at < SHARED) return Promise.resolve(store.data);
    return (store.asking ??= ask(id, store).finally(() => (store.asking = null)));
  }

  async function ask(id, store) {
    const known = store.data ? `?version=${store.data.version}` : "";
    const { ok, text } = await tunesmith.get(`/api/sweeps/${encodeURIComponent(id)}/plots${known}`, new AbortController().signal);
    store.at = Date.now();
    const answer = ok ? JSON.parse(text) : null;
    if (!answer || answer.trials) store.data = answer; // an answer without trials says that nothing has changed
    return store.data;
  }

  // The trials of the search that have a value of that objective.
  const finished = (data, at) => data.trials.filter(({ state, phase, values }) => state === "complete" && phase === "search" && Number.isFinite(values?.[at]));
  const searched = (data, state) => data.trials.filter((trial) => trial.state === state && trial.phase === "search");
  const valuesOf = (trials, at) => trials.map(({ values }) => values[at]);

  // The axis of a field: where a value stands, what is said of it, its ends. Choices stand side by side.
  function fieldScale({ choices, log, low, high }) {
    if (!choices) {
      const of = (value) => (typeof value === "number" ? value : NaN);
      return { log, choices: null, low, high, of, share: (value) => share(of(value), low, high, log), at: (part) => between(part, low, high, log), words: (value) => tunesmith.tick(value, "") };
    }
    const labels = choices.map(worded);
    const of = (value) => labels.indexOf(worded(value));
    const last = Math.max(1, labels.length - 1);
    const alone = labels.length === 1;
    return { log: false, choices: labels, low: -0.5, high: labels.length - 0.5, of, share: (value) => (alone ? 0.5 : of(value) / last), at: (part) => part * last, words: (value) => labels[Math.round(value)] ?? "" };
  }

  function share(value, low, high, log) {
    if (high <= low) return 0.5;
    return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  }

  function between(part, low, high, log) {
    return log ? low * (high / low) ** part : low + part * (high - low);
  }

  const worded = (value) => (value === null ? "none" : typeof value === "number" ? tunesmith.tick(value, "") : String(value));
  const short = (value) => (typeof value === "number" ? String(Number(value.toPrecision(3))) : worded(value));

  // A trial in one line: its values, its settings.
  function told(data, trial) {
    const values = (trial.values ?? []).map((value, at) => `${data.objectives[at]?.title ?? ""} ${tunesmith.written(value, data.objectives[at]?.unit)}`);
    if (!trial.values && trial.last !== null) values.push(`${trial.last.toPrecision(4)} at step ${trial.step}`);
    const settings = data.fields.map(({ name, title }) => `${title} ${short(trial.params[name])}`);
    const phase = trial.phase === "repeat" ? `trial ${trial.of} with another seed, ` : trial.phase === "full" ? `trial ${trial.of} in full, ` : "";
    return `${phase}${trial.state}: ${[...values, ...settings].join(" · ")}`;
  }

  // The least and greatest that are worth the height: what is far out is drawn at the edge.
  function fence(values) {
    const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
    if (!sorted.length) return { low: 0, high: 1, least: 0, greatest: 1 };
    const [first, third] = [sorted[sorted.length >> 2], sorted[(sorted.length * 3) >> 2]];
    const far = FAR_OUT * (third - first) || Infinity;
    const [least, greatest] = [Math.max(sorted[0], first - far), Math.min(sorted.at(-1), third + far)];
    const room = (greatest - least) * 0.08 || Math.abs(greatest) * 0.05 || 1;
    return { low: least - room, high: greatest + room, least: least - room / 2, greatest: greatest + room / 2 };
  }

  const within = ({ least, greatest }, value) => Math.min(greatest, Math.max(least, value));

  // Colours from worst (0) to best (1), or from the first to the last.
  function ramp(part) {
    const stops = tunesmith.dark() ? ["#3d4d55", "#2b7f92", "#a5eefb"] : ["#cfd9de", "#4aa3b8", "#073d4d"];
    const [from, to, along] = part < 0.5 ? [stops[0], stops[1], part * 2] : [stops[1], stops[2], part * 2 - 1];
    const mixed = [1, 3, 5].map((at) => {
      const [a, b] = [from, to].map((stop) => parseInt(stop.slice(at, at + 2), 16));
      return Math.round(a + (b - a) * Math.min(1, Math.max(0, along)));
    });
    return `rgb(${mixed.join(",")})`;
  }

  // How good each value is among those, 0 to 1: by rank, so that one value far out does not make all others alike.
  function goodness(values, direction) {
    const sorted = [...values].sort((a, b) => (direction === "minimize" ? b - a : a - b));
    const places = new Map(sorted.map((value, at) => [value, sorted.length > 1 ? at / (sorted.length - 1) : 1]));
    return values.map((value) => places.get(value));
  }

  tunesmith.sweeps = { data: sweepData, finished, searched, valuesOf, fieldScale, worded, short, told, fence, within, ramp, goodness, kinds: {}, figure: {} };
})();
