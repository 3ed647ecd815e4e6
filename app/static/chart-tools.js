// What stands above a chart: its title, the legend with the numbers, and the buttons.
(() => {
  const tunesmith = window.tunesmith;

  const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });

  const written = (value) => {
    if (value === undefined) return "–";
    if (!Number.isFinite(value)) return String(value);
    return value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5) ? value.toExponential(2) : value.toPrecision(4);
  };

  // The legend shows the last values, or those under the pointer.
  class Legend {
    constructor(curves) {
      this.element = make("div", "ts-chart-legend");
      this.several = curves.length > 1;
      this.items = curves.map((curve) => this.item(curve));
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

    read(step) {
      for (const { curve, item, value } of this.items) {
        const at = curve.at(step);
        value.textContent = written(curve.ys[at]);
        item.title = curve.xs.length ? `step ${curve.xs[at]}` : "";
        item.hidden = this.several && curve.xs.length === 0;
      }
    }
  }

  // `acts` are what the buttons do: reset, smooth(weight), toggleLog, save.
  class Tools {
    constructor(acts) {
      this.element = make("div", "ts-chart-tools");
      this.reset = button("Reset zoom", "Show every step again", acts.reset);
      this.reset.hidden = true;
      this.log = button("log", "Logarithmic axis", acts.toggleLog);
      this.log.setAttribute("aria-pressed", "false");
      this.element.append(this.reset, slider(acts.smooth), this.log, button("Save", "Save as PNG", acts.save));
    }

    show(zoomed, log) {
      this.reset.hidden = !zoomed;
      this.log.setAttribute("aria-pressed", String(log));
    }
  }

  function button(text, title, act) {
    const element = Object.assign(make("button", "ts-tool", text), { type: "button", title });
    element.addEventListener("click", act);
    return element;
  }

  function slider(smooth) {
    const label = make("label", "");
    const input = Object.assign(document.createElement("input"), { type: "range", min: "0", max: "0.98", step: "0.02", value: "0" });
    label.title = "Smoothing: an exponential mean, the points themselves stay behind it";
    label.append(make("span", "", "Smooth"), input);
    input.addEventListener("input", () => smooth(Number(input.value)));
    return label;
  }

  Object.assign(tunesmith, { Legend, Tools, make });
})();
