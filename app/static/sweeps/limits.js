// Fields beside the drag of parallel coordinates: from and to at each axis, for the keyboard and for exact numbers.
(() => {
  const { sweeps, make } = window.tunesmith;
  const NOTHING = [-0.01, 1.01]; // the ends of an axis, and a little more
  const SLACK = 1e-9; // so that a limit that equals a trial's value lets it through

  // Fills the element with two fields an axis, once; then keeps them at what is brushed.
  function fill(chart, element) {
    const axes = chart.note.hidden ? (chart.kind.axes?.(chart) ?? []) : [];
    element.hidden = axes.length === 0;
    const made = JSON.stringify(axes.map(({ title, scale }) => [title, scale.choices]));
    if (element.dataset.made !== made) {
      element.dataset.made = made;
      const grid = make("div", "sw-axes");
      grid.append(...axes.map((axis, place) => pair(chart, axis, place)));
      element.replaceChildren(make("summary", "", "Limits in numbers"), grid);
    }
    for (const field of element.querySelectorAll("input, select")) show(chart, axes, field);
  }

  function pair(chart, axis, place) {
    const group = make("div", "");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", axis.title);
    group.append(make("span", "", axis.title), ...["from", "to"].map((end) => control(chart, axis, place, end)));
    return group;
  }

  function control(chart, axis, place, end) {
    const field = document.createElement(axis.scale.choices ? "select" : "input");
    if (field instanceof HTMLInputElement) Object.assign(field, { type: "number", step: "any", placeholder: end });
    else field.append(new Option(end, ""), ...axis.scale.choices.map((label, at) => new Option(label, String(at))));
    field.setAttribute("aria-label", `${axis.title} ${end}`);
    Object.assign(field.dataset, { place, end });
    field.addEventListener("change", () => brush(chart, axis, place, field.closest("[role=group]")));
    return field;
  }

  function brush(chart, axis, place, group) {
    const [from, to] = [...group.querySelectorAll("input, select")].map(({ value }) => (value === "" ? null : axis.scale.part(Number(value))));
    if (from === null && to === null) chart.brushes.delete(place);
    else {
      const ends = [from ?? NOTHING[0], to ?? NOTHING[1]].sort((a, b) => a - b);
      chart.brushes.set(place, [ends[0] - SLACK, ends[1] + SLACK]);
    }
    chart.update();
  }

  function show(chart, axes, field) {
    if (field === document.activeElement) return; // somebody writes in it
    const { place, end } = field.dataset;
    const { scale } = axes[Number(place)];
    const part = chart.brushes.get(Number(place))?.[end === "from" ? 0 : 1];
    if (part === undefined || part <= 0 - SLACK || part >= 1 + SLACK) field.value = "";
    else field.value = scale.choices ? String(end === "from" ? Math.ceil(scale.at(part) - 1e-6) : Math.floor(scale.at(part) + 1e-6)) : String(Number(scale.at(part).toPrecision(4)));
  }

  sweeps.limits = fill;
})();
