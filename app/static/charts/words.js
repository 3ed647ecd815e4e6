// Numbers of charts in words: values with their unit, places of the axis below.
(() => {
  const tunesmith = window.tunesmith;
  const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 2 });

  const [AROUND, LETTER] = [40, 6.5]; // pixels above and below the curves, and that a letter takes

  function plain(value) {
    if (!Number.isFinite(value)) return "no number";
    if (value === 0) return "0";
    return Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5 ? value.toExponential(2) : value.toPrecision(4);
  }
  const rounded = (value, digits) => Number(value.toPrecision(digits)).toLocaleString("en-US", { maximumSignificantDigits: digits });
  const bytes = (value) => (Math.abs(value) < 1e9 ? `${rounded(value / 1e6, 4)} MB` : `${rounded(value / 1e9, 4)} GB`);
  const UNITS = {
    share: (value) => `${rounded(value * 100, 4)} %`,
    percent: (value) => `${rounded(value, 4)} %`,
    tokens: (value) => (Math.abs(value) >= 1e5 ? short.format(value) : rounded(value, 5)),
    "tokens/s": (value) => rounded(value, 4),
    seconds: (value) => `${rounded(value, 3)} s`,
    bytes,
    watts: (value) => `${rounded(value, 3)} W`,
    celsius: (value) => `${rounded(value, 3)} °C`,
  };

  // Beyond, differences of values overflow or vanish: no number that a training is judged by is there.
  const [MOST, LEAST] = [1e100, 1e-100];
  tunesmith.drawable = (value, log = false) => (log ? value > LEAST && value <= MOST : Math.abs(value) <= MOST);

  // A value in the legend.
  tunesmith.written = (value, unit) => {
    if (value === undefined) return "–";
    return UNITS[unit] && Number.isFinite(value) ? UNITS[unit](value) : plain(value);
  };
  // A value at the axis beside the chart, without zeros that say nothing.
  tunesmith.tick = (value, unit) => (UNITS[unit] ? UNITS[unit](value) : Number(value.toPrecision(9)).toString());

  // The name of an axis beside a chart, as long as that chart is high: the rest is cut off.
  tunesmith.axisName = (name, height) => {
    const most = Math.floor((height - AROUND) / LETTER);
    return name.length > most ? `${name.slice(0, most - 1)}…` : name;
  };

  // A place of the axis below; with the greatest one in sight all of an axis have the same unit.
  const seconds = (value, greatest = value) => {
    const [size, sign] = greatest >= 7200 ? [3600, "h"] : greatest >= 120 ? [60, "min"] : [1, "s"];
    return `${rounded(value / size, 4)} ${sign}`;
  };
  tunesmith.place = (value, kind, greatest) => {
    if (value < 0) return ""; // beside one point at the start
    if (kind === "time") return seconds(value, greatest);
    if (kind === "tokens") return short.format(value);
    return Math.abs(value - Math.round(value)) < 1e-6 ? String(Math.round(value)) : ""; // there is no half a step
  };
  tunesmith.placed = (value, kind) => {
    if (kind === "time") return `after ${seconds(value)}`;
    return kind === "tokens" ? `${short.format(value)} tokens` : `step ${Math.round(value).toLocaleString("en-US")}`;
  };
})();
