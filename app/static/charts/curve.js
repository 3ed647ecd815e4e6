// One metric of a run as a chart draws it: the whole curve, thinned by the server once it is long, and in its place
// the detail of the stretch zoomed into.
(() => {
  const tunesmith = window.tunesmith;
  const LAST_STEP = 2 ** 31 - 1; // that the database can hold
  const COLORS = 20;
  const SMOOTHED_OVER = 1000; // parts of the axis: a weight means the same for a short curve and a long one

  class Curve {
    // `series` is the number of its colour. Without an `own` run it is of the run that the chart shows.
    constructor(name, label, series, own) {
      this.name = name;
      this.label = label;
      this.color = `--ts-series-${((series - 1) % COLORS) + 1}`;
      this.own = own;
      this.clear();
    }

    clear() {
      this.whole = { steps: [], ys: [], thinned: false };
      this.detail = null;
      this.stale = false; // whether the detail is older than the whole
      this.started = null;
      this.answered = false;
      this.step = 0; // of the run, when it was last asked
      this.isOutdated = false; // since the run went back to a checkpoint
      this.join();
    }

    // Fetches what is missing. Answers whether there was something new and whether the run has ended.
    async update({ run, points, stretch, signal }) {
      const ask = { run: this.own ?? run, points, signal };
      const { news, ended } = await this.readNews(ask);
      const closer = stretch && this.lacks(stretch) ? await this.readDetail(ask, stretch) : false;
      if (news || closer) this.join();
      return { news: news || closer, ended };
    }

    // Points after the last one; all of them again, thinned, once there are too many to draw. A run that was resumed
    // does some steps anew: until it has passed them, what is drawn from where it stands on is fetched again.
    async readNews(ask) {
      const { steps } = this.whole;
      const afresh = this.isOutdated || steps.length === 0 || steps.length > 2 * ask.points;
      const long = afresh && (steps.length > 0 || !this.answered); // else it had no point a moment ago
      const first = afresh ? 0 : Math.min(steps[steps.length - 1], this.step || LAST_STEP) + 1;
      const answer = await this.read(ask, first, LAST_STEP, long);
      this.answered = true;
      this.started = answer?.started ?? this.started;
      this.isOutdated = Boolean(answer) && answer.step < this.step;
      this.step = answer?.step ?? this.step;
      if (!answer?.steps.length) return { news: false, ended: !answer || answer.ended };
      const news = afresh || !isEndOf(this.whole, answer);
      if (afresh) {
        this.whole = answer;
        this.stale = Boolean(this.detail);
      } else if (news) {
        this.append(answer);
      }
      return { news, ended: answer.ended && !this.isOutdated };
    }

    // Puts points to the end, in the place of those from their first step on.
    append({ steps, ys, thinned }) {
      const kept = this.whole.steps.findLastIndex((step) => step < steps[0]) + 1;
      this.stale ||= Boolean(this.detail) && kept < this.whole.steps.length;
      this.whole.steps.splice(kept, Infinity, ...steps);
      this.whole.ys.splice(kept, Infinity, ...ys);
      this.whole.thinned ||= thinned;
    }

    lacks([first, last]) {
      if (!this.whole.thinned) return false;
      const { detail } = this;
      if (!detail || this.stale) return true;
      if (detail.thinned) return detail.first !== first || detail.last !== last;
      return detail.first > first || detail.last < last;
    }

    async readDetail(ask, [first, last]) {
      const answer = await this.read(ask, first, last, true);
      if (!answer) return false;
      this.detail = { ...answer, first, last };
      this.stale = false;
      return true;
    }

    async read({ run, points, signal }, from, to, long) {
      const answer = await tunesmith.fetchCurve(run, points, { name: this.name, from, to, long }, signal);
      signal.throwIfAborted(); // the chart shows another run by now
      return answer;
    }

    leaveDetail() {
      this.detail = null;
      this.join();
    }

    // `steps` and `ys` are what is drawn, at the places `xs`: the whole, with the detail where it is zoomed into.
    join() {
      const { whole, detail } = this;
      const joined = detail?.steps.length ? between(whole, detail) : whole;
      this.steps = [...joined.steps];
      this.ys = [...joined.ys];
      this.xs = this.steps;
    }

    // Where in the drawn points the one nearest to a place stands; without a place, the last one.
    at(x) {
      const { xs } = this;
      if (x === undefined) return xs.length - 1;
      let low = 0, high = xs.length - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (xs[middle] < x) low = middle;
        else high = middle;
      }
      return Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high;
    }

    // An exponential mean weighted by the distance between points, so that neither thinning nor detail bends it. It
    // starts at the first value instead of at nothing.
    smooth(weight) {
      const { xs } = this;
      const room = xs[xs.length - 1] - xs[0] || 1;
      let mean = 0, share = 0;
      return this.ys.map((value, at) => {
        if (!tunesmith.drawable(value)) return NaN;
        const kept = Math.sqrt(weight) ** (((xs[at] - xs[Math.max(0, at - 1)]) / room) * SMOOTHED_OVER);
        mean = mean * kept + value;
        share = share * kept + 1;
        return mean / share;
      });
    }
  }

  // Whether a curve ends with just these points.
  function isEndOf(whole, { steps, ys }) {
    const first = whole.steps.length - steps.length;
    return first >= 0 && steps.every((step, at) => whole.steps[first + at] === step && Object.is(whole.ys[first + at], ys[at]));
  }

  function between(whole, detail) {
    const before = whole.steps.findLastIndex((step) => step < detail.steps[0]) + 1;
    const first = whole.steps.findIndex((step) => step > detail.steps[detail.steps.length - 1]);
    const after = first < 0 ? whole.steps.length : first;
    const put = (name) => [...whole[name].slice(0, before), ...detail[name], ...whole[name].slice(after)];
    return { steps: put("steps"), ys: put("ys") };
  }

  tunesmith.Curve = Curve;
})();
