// One metric of a run as a chart draws it: the whole curve, thinned by the server once it is long, and in its place
// the detail of the stretch zoomed into.
(() => {
  const MOST_POINTS = 4000;

  class Curve {
    // `series` is the number of its colour. Without an `own` run it is of the run that the chart shows.
    constructor(name, label, series, own) {
      this.name = name;
      this.label = label;
      this.color = `--ts-series-${series}`;
      this.own = own;
      this.clear();
    }

    clear() {
      this.whole = { xs: [], ys: [], thinned: false };
      this.detail = null;
      this.stale = false; // whether the detail is older than the whole
      this.join();
    }

    // Fetches what is missing. Answers whether there was something new and whether the run has ended.
    async update(get, shown, stretch) {
      const run = this.own ?? shown;
      const { news, ended } = await this.readNews(get, run);
      const closer = stretch && this.lacks(stretch) ? await this.readDetail(get, run, stretch) : false;
      if (news || closer) this.join();
      return { news: news || closer, ended };
    }

    // Points after the last one; all of them again, thinned, once there are too many to draw.
    async readNews(get, run) {
      const { xs } = this.whole;
      const afresh = xs.length === 0 || xs.length > 2 * MOST_POINTS;
      const answer = await this.read(get, run, { since: afresh ? -1 : xs[xs.length - 1] });
      if (!answer || !answer.xs.length) return { news: false, ended: !answer || answer.ended };
      if (afresh) {
        this.whole = answer;
        this.stale = Boolean(this.detail);
      } else {
        this.whole.xs.push(...answer.xs);
        this.whole.ys.push(...answer.ys);
        this.whole.thinned ||= answer.thinned;
      }
      return { news: true, ended: answer.ended };
    }

    lacks([first, last]) {
      if (!this.whole.thinned) return false;
      const { detail } = this;
      if (!detail || this.stale) return true;
      if (detail.thinned) return detail.first !== first || detail.last !== last;
      return detail.first > first || detail.last < last;
    }

    async readDetail(get, run, [first, last]) {
      const answer = await this.read(get, run, { from: first, to: last });
      if (!answer) return false;
      this.detail = { ...answer, first, last };
      this.stale = false;
      return true;
    }

    async read(get, run, range) {
      const query = new URLSearchParams({ name: this.name, max_points: String(MOST_POINTS) });
      for (const [name, step] of Object.entries(range)) query.set(name, String(step));
      const { ok, text } = await get(`/api/runs/${encodeURIComponent(run)}/metrics?${query}`);
      if (!ok) return null; // deleted meanwhile
      const { points, thinned, ended } = JSON.parse(text);
      return { xs: points.map(([step]) => step), ys: points.map(([, value]) => value ?? NaN), thinned, ended };
    }

    leaveDetail() {
      this.detail = null;
      this.join();
    }

    // `xs` and `ys` are what is drawn: the whole, with the detail in its place.
    join() {
      const { whole, detail } = this;
      const joined = detail?.xs.length ? between(whole, detail) : whole;
      this.xs = [...joined.xs];
      this.ys = [...joined.ys];
    }

    // Where in the drawn points the one nearest to a step stands; without a step, the last one.
    at(step) {
      const { xs } = this;
      if (step === undefined) return xs.length - 1;
      let low = 0, high = xs.length - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (xs[middle] < step) low = middle;
        else high = middle;
      }
      return Math.abs(xs[low] - step) <= Math.abs(xs[high] - step) ? low : high;
    }

    // An exponential mean that starts at the first value instead of at nothing.
    smooth(weight) {
      let mean = 0, share = 0;
      return this.ys.map((value) => {
        if (!Number.isFinite(value)) return value;
        mean = mean * weight + value * (1 - weight);
        share = share * weight + (1 - weight);
        return mean / share;
      });
    }
  }

  function between(whole, detail) {
    const before = whole.xs.findLastIndex((step) => step < detail.xs[0]) + 1;
    const first = whole.xs.findIndex((step) => step > detail.xs[detail.xs.length - 1]);
    const after = first < 0 ? whole.xs.length : first;
    const put = (name) => [...whole[name].slice(0, before), ...detail[name], ...whole[name].slice(after)];
    return { xs: put("xs"), ys: put("ys") };
  }

  window.tunesmith.Curve = Curve;
})();
