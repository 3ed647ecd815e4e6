// A chart's points as a table, for whoever does not see the curves or wants the numbers.
(() => {
  const tunesmith = window.tunesmith;
  const MOST_ROWS = 100;

  tunesmith.pointsTable = (title, curves, unit) => {
    const drawn = curves.filter(({ steps }) => steps.length);
    const steps = [...new Set(drawn.flatMap((curve) => curve.steps))].sort((a, b) => a - b);
    const table = document.createElement("table");
    const some = evenly(steps);
    const caption = document.createElement("caption");
    const words = some.length < steps.length ? `${some.length} of ${steps.length.toLocaleString("en-US")} steps. The CSV has every point.` : `${steps.length} steps.`;
    caption.textContent = `${title}: ${words}`;
    table.append(caption, head(drawn), body(some, drawn, unit));
    return table;
  };

  function evenly(steps) {
    if (steps.length <= MOST_ROWS) return steps;
    const apart = (steps.length - 1) / (MOST_ROWS - 1);
    return Array.from({ length: MOST_ROWS }, (_, at) => steps[Math.round(at * apart)]);
  }

  function head(curves) {
    const row = document.createElement("thead").insertRow();
    for (const text of ["Step", ...curves.map(({ label }) => label)]) {
      row.append(Object.assign(document.createElement("th"), { scope: "col", textContent: text }));
    }
    return row.parentElement;
  }

  function body(steps, curves, unit) {
    const rows = document.createElement("tbody");
    const values = curves.map((curve) => new Map(curve.steps.map((step, at) => [step, curve.ys[at]])));
    for (const step of steps) {
      const row = rows.insertRow();
      row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: step.toLocaleString("en-US") }));
      for (const value of values) row.insertCell().textContent = tunesmith.written(value.get(step), unit);
    }
    return rows;
  }
})();
