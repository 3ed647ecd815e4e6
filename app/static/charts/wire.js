// Curves that several charts ask for in the same moment go in one request, and one that two of them ask for goes once.
(() => {
  const tunesmith = window.tunesmith;
  const GATHERED = 15; // milliseconds
  const MOST_CURVES = 60; // that the server answers at once
  const MOST_WHOLE = 6; // curves that may be long, which take the server tens of milliseconds each

  /** @type {Map<string, CurveAsk[]>} */
  const waiting = new Map();

  // Answers with the points of a stretch, or null when the run is gone. `signal` ends it when nobody waits any more.
  tunesmith.fetchCurve = (run, points, stretch, signal) =>
    new Promise((done, failed) => {
      const key = `${encodeURIComponent(run)}/curves?max_points=${points}`;
      if (!waiting.has(key)) {
        waiting.set(key, []);
        setTimeout(() => sendAll(key), GATHERED);
      }
      waiting.get(key).push({ ...stretch, signal, done, failed });
    });

  function sendAll(key) {
    const wanted = waiting.get(key).filter(({ signal }) => !signal.aborted);
    waiting.delete(key);
    const groups = {};
    for (const ask of wanted) (groups[`${ask.from} ${ask.to} ${ask.name}`] ??= []).push(ask);
    const each = Object.values(groups);
    const whole = each.filter(([{ long }]) => long);
    const news = each.filter(([{ long }]) => !long);
    for (const group of [...parts(whole, MOST_WHOLE), ...parts(news, MOST_CURVES)]) send(key, group);
  }

  const parts = (list, most) => list.flatMap((_, at) => (at % most ? [] : [list.slice(at, at + most)]));

  async function send(key, groups) {
    const asks = groups.flat();
    try {
      const { ok, text } = await tunesmith.get(`/api/runs/${key}&${parameters(groups)}`, untilAllLeft(asks));
      const answer = ok ? JSON.parse(text) : null;
      groups.forEach((group, at) => group.forEach(({ done }) => done(answer && points(answer, at))));
    } catch (error) {
      for (const { failed } of asks) failed(error);
    }
  }

  const parameters = (groups) => {
    const query = new URLSearchParams();
    for (const [{ name, from, to }] of groups) {
      query.append("name", name);
      query.append("from", String(from));
      query.append("to", String(to));
    }
    return query;
  };

  function untilAllLeft(asks) {
    const turn = new AbortController();
    let left = asks.length;
    const leave = () => (left -= 1) || turn.abort();
    for (const { signal } of asks) signal.addEventListener("abort", leave, { once: true });
    return turn.signal;
  }

  function points({ curves, step, ended, started_at }, at) {
    const { steps, values, thinned } = curves[at];
    return { steps: [...steps], ys: values.map((value) => value ?? NaN), thinned, step, ended, started: started_at };
  }
})();
