// How charts look: smoothing, axes and outliers. It stands in the address, so that a link shows the same;
// <ts-chart-bar> above the charts has the controls.
(() => {
  const tunesmith = window.tunesmith;
  const ADDRESS_SETTLES = 200; // milliseconds: browsers refuse an address that changes at every pixel of a slider
  const STRONGEST = 0.99;
  /** @type {ChartLook} */
  const PLAIN = Object.freeze({ weight: 0, log: false, x: "step", clip: false });
  const AXES = { step: "Steps", tokens: "Tokens", time: "Time" };

  /** @type {ChartLook} */
  let look = { ...PLAIN };
  let writing = 0;

  function read() {
    const query = new URLSearchParams(location.search);
    const weight = Math.min(STRONGEST, Math.max(0, Number(query.get("smooth")) || 0));
    const x = /** @type {AxisKind} */ (AXES[query.get("x")] ? query.get("x") : "step");
    look = { weight, log: query.get("scale") === "log", x, clip: query.get("clip") === "1" };
  }

  function write() {
    const query = new URLSearchParams(location.search);
    const { weight, log, x, clip } = look;
    const words = { smooth: weight ? String(weight) : "", scale: log ? "log" : "", x: x === "step" ? "" : x, clip: clip ? "1" : "" };
    for (const [name, word] of Object.entries(words)) word ? query.set(name, word) : query.delete(name);
    history.replaceState(history.state, "", `${location.pathname}?${query}${location.hash}`);
  }

  const tell = () => document.dispatchEvent(new CustomEvent("tunesmith-look"));

  function change(part) {
    look = { ...look, ...part };
    clearTimeout(writing);
    writing = setTimeout(write, ADDRESS_SETTLES);
    tell();
  }

  document.addEventListener("tunesmith-query", () => {
    clearTimeout(writing);
    read();
    tell();
  });
  read();
  tunesmith.look = (chart) => (chart.hasAttribute("plain") ? PLAIN : look);

  class Bar extends HTMLElement {
    connectedCallback() {
      if (!this.slider) this.build();
      this.told = () => this.show();
      document.addEventListener("tunesmith-look", this.told);
      this.show();
    }

    disconnectedCallback() {
      document.removeEventListener("tunesmith-look", this.told);
    }

    build() {
      const { make } = tunesmith;
      const [smooth, x] = [make("label", ""), make("label", "")];
      this.slider = Object.assign(document.createElement("input"), { type: "range", min: "0", max: String(STRONGEST), step: "0.01" });
      this.weight = make("output", "");
      this.select = document.createElement("select");
      this.select.append(...Object.entries(AXES).map(([value, words]) => new Option(words, value)));
      this.log = toggle("Log axis", "Logarithmic axis for the values", () => change({ log: !look.log }));
      this.clip = toggle("Clip outliers", "The height leaves out points far from the middle half of those in sight", () => change({ clip: !look.clip }));
      smooth.title = "An exponential mean, weighted by the distance between points. The points stay behind it.";
      smooth.append(make("span", "", "Smoothing"), this.slider, this.weight);
      x.append(make("span", "", "Over"), this.select);
      this.slider.addEventListener("input", () => change({ weight: Number(this.slider.value) }));
      this.select.addEventListener("change", () => change({ x: /** @type {AxisKind} */ (this.select.value) }));
      this.replaceChildren(smooth, x, this.log, this.clip);
    }

    show() {
      this.slider.value = String(look.weight);
      this.weight.textContent = look.weight ? look.weight.toFixed(2) : "none";
      this.select.value = look.x;
      this.log.setAttribute("aria-pressed", String(look.log));
      this.clip.setAttribute("aria-pressed", String(look.clip));
    }
  }

  function toggle(text, title, act) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "ts-tool", textContent: text, title });
    button.addEventListener("click", act);
    return button;
  }

  customElements.define("ts-chart-bar", Bar);
})();
