// What stands above a chart: its title, the legend with the numbers, and the buttons.
(() => {
  const tunesmith = window.tunesmith;

  const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });

  // The legend shows the last values, or those under the cursor.
  class Legend {
    constructor(curves, unit) {
      this.element = make("div", "ts-chart-legend");
      this.unit = unit;
      this.several = curves.length > 1;
      this.items = curves.map((curve) => this.item(curve));
      this.place = make("small", "");
      this.element.append(this.place);
    }

    item(curve) {
      const item = make("span", "");
      const line = make("i", "");
      const value = make("b", "", "–");
      line.style.background = `var(${curve.color})`;
      item.append(line, make("span", "", this.several ? curve.label : ""), value);
      this.element.append(item);
      return { curve, item, value };
    }

    read(x, kind) {
      for (const { curve, item, value } of this.items) {
        const at = curve.at(x);
        value.textContent = tunesmith.written(curve.ys[at], this.unit);
        item.title = curve.steps.length ? `step ${curve.steps[at].toLocaleString("en-US")}` : "";
        item.hidden = this.several && curve.steps.length === 0;
      }
      this.place.textContent = x === undefined ? "" : tunesmith.placed(x, kind);
    }

    // What the colours mean, in a picture.
    words() {
      return this.items.filter(({ item }) => !item.hidden).map(({ curve }) => ({ label: curve.label, series: curve.color }));
    }
  }

  const ICONS = {
    full: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
    table: "M2 3h12v10H2zM2 6.5h12M2 9.7h12M6.5 3v10",
    picture: "M2 3h12v10H2zM2 11l3.5-3.5L8 10l2.5-3L14 11",
    csv: "M8 2v8M4.5 6.8 8 10.2l3.5-3.4M2.5 13.5h11",
    move: "M6 3v.01M10 3v.01M6 8v.01M10 8v.01M6 13v.01M10 13v.01",
  };

  // `acts` are what the buttons do: reset, full, table, save, and csv for a chart of one run. `moves`: whether it can be
  // moved among its neighbours (move.js).
  class Tools {
    constructor(title, acts) {
      this.element = make("div", "ts-chart-tools");
      this.reset = tool(make("button", "ts-tool", "Reset zoom"), "Show everything again", acts.reset);
      this.reset.hidden = true;
      this.table = iconTool("table", `Points of ${title} as a table`, acts.table);
      this.table.setAttribute("aria-expanded", "false");
      this.element.append(this.reset, this.table, iconTool("picture", `Save ${title} as PNG`, acts.save));
      if (acts.csv) this.element.append(iconTool("csv", `Points of ${title} as CSV`, acts.csv));
      if (acts.moves) this.element.append(moveHandle(title));
      if (document.fullscreenEnabled) this.element.append(iconTool("full", `${title} in full screen`, acts.full));
    }

    show(zoomed, table) {
      this.reset.hidden = !zoomed;
      this.table.setAttribute("aria-expanded", String(table));
    }
  }

  function tool(element, title, act) {
    Object.assign(element, { type: "button", title });
    element.addEventListener("click", act);
    return element;
  }

  function iconTool(name, title, act, made = make("button", "ts-tool ts-icon-tool")) {
    const element = tool(made, title, act);
    element.setAttribute("aria-label", title);
    element.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
    return element;
  }

  // No <button>: Firefox does not let one be dragged.
  function moveHandle(title) {
    const words = `Move ${title}: drag it, press an arrow key, or click to move it one place forward`;
    const element = iconTool("move", words, () => {}, make("span", "ts-tool ts-icon-tool ts-chart-handle"));
    element.setAttribute("role", "button");
    Object.assign(element, { tabIndex: 0, draggable: true });
    return element;
  }

  Object.assign(tunesmith, { Legend, Tools, make });
})();
