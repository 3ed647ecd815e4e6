// What the points of a run are drawn over: its steps, the tokens it has learnt from, or the time since it began.
(() => {
  const tunesmith = window.tunesmith;
  const METRICS = { tokens: "num_tokens", time: "wall_time" };

  class Axis {
    constructor(kind, run) {
      this.kind = kind;
      this.curve = METRICS[kind] ? new tunesmith.Curve(METRICS[kind], "", 1, run) : null;
      this.read();
    }

    async update(ask) {
      if (!this.curve) return false;
      const { news } = await this.curve.update({ ...ask, stretch: null });
      if (news) this.read();
      return news;
    }

    // Steps and places, both growing: after a resume some steps were done twice, and the clock never goes back.
    read() {
      const { steps, ys, started } = this.curve ?? { steps: [], ys: [], started: null };
      const from = this.kind === "time" ? (started ?? ys[0] ?? 0) : 0;
      this.steps = [0];
      this.places = [0];
      steps.forEach((step, at) => {
        const place = Math.max(this.places[this.places.length - 1], ys[at] - from);
        if (step > 0) this.steps.push(step) && this.places.push(place);
      });
    }

    // Whether there is something to draw over.
    get known() {
      return !this.curve || this.steps.length > 1;
    }

    // The places of steps that grow.
    of(steps) {
      return this.curve ? interpolated(steps, this.steps, this.places) : steps;
    }

    /** The whole steps that lie between two places.
     * @returns {Stretch} */
    stretch([first, last]) {
      const [from, to] = this.curve ? interpolated([first, last], this.places, this.steps) : [first, last];
      return [Math.max(0, Math.floor(from)), Math.ceil(to)];
    }
  }

  // Straight lines between the known points, and the last one goes on.
  function interpolated(wanted, from, to) {
    let at = 0;
    return wanted.map((x) => {
      while (at < from.length - 2 && from[at + 1] < x) at += 1;
      const width = from[at + 1] - from[at];
      return width > 0 ? to[at] + ((x - from[at]) / width) * (to[at + 1] - to[at]) : to[at];
    });
  }

  tunesmith.Axis = Axis;
})();
