// Charts of a group that are moved: dragged by their handle, or by its arrow keys, and a click moves one forward. The
// order is kept in a cookie of this browser, by titles, because the server draws the page with it (pages/runs/charts.py).
(() => {
  const tunesmith = window.tunesmith;
  const COOKIE = "tunesmith_charts";
  const MOST_LETTERS = 3500; // browsers keep 4096 of a cookie
  const YEAR = 60 * 60 * 24 * 365;
  const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };
  let dragged = null;

  const handle = (event) => event.target.closest?.(".ts-chart-handle");
  const chartOf = (node) => node?.closest?.("[data-movable] > ts-chart") ?? null;
  const chartsOf = (group) => [...group.children].filter((node) => node.nodeName === "TS-CHART");
  const titleOf = (chart) => chart.label ?? chart.getAttribute("title");

  const keep = (text) => {
    const embedded = window.top !== window ? "; SameSite=None; Secure" : "; SameSite=Strict";
    document.cookie = `${COOKIE}=${text}; path=/; max-age=${text ? YEAR : 0}${embedded}`;
    tunesmith.refresh();
  };
  const kept = () => (document.cookie.split("; ").find((one) => one.startsWith(`${COOKIE}=`)) ?? "").slice(COOKIE.length + 1);

  // Titles of this group last, in their order; what is too long to be kept is forgotten, the oldest first.
  function remember(group) {
    const own = chartsOf(group).map((chart) => encodeURIComponent(titleOf(chart)));
    const all = [...kept().split("|").filter((title) => title && !own.includes(title)), ...own];
    while (all.join("|").length > MOST_LETTERS) all.shift();
    keep(all.join("|"));
  }

  // For whoever does not see where it is now.
  function tell(words) {
    let line = document.getElementById("ts-chart-moved");
    if (!line) {
      line = Object.assign(tunesmith.make("p", "ts-sr"), { id: "ts-chart-moved" });
      line.setAttribute("role", "status");
      document.querySelector(".gradio-container").append(line);
    }
    line.textContent = words;
  }

  // Puts a chart before another one of its group, or to the end. A chart that is moved keeps its curves and its zoom.
  function put(chart, before) {
    const group = chart.parentElement;
    tunesmith.move(group, chart, before);
    const charts = chartsOf(group);
    tell(`${titleOf(chart)}: ${charts.indexOf(chart) + 1} of ${charts.length}`);
    remember(group);
    chart.querySelector(".ts-chart-handle").focus();
  }

  function step(chart, by) {
    const charts = chartsOf(chart.parentElement);
    const to = charts.indexOf(chart) + by;
    if (to < 0 || to >= charts.length) return;
    put(chart, by < 0 ? charts[to] : (charts[to + 1] ?? null));
  }

  document.addEventListener("keydown", (event) => {
    const chart = chartOf(handle(event));
    if (!chart || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = STEPS[event.key] ?? (event.key === "Enter" || event.key === " " ? -1 : 0);
    if (!by) return;
    event.preventDefault();
    step(chart, by);
  });
  document.addEventListener("click", (event) => {
    const chart = chartOf(handle(event));
    if (chart) step(chart, -1);
    if (event.target.closest?.("[data-usual-order]")) keep("");
  });

  const clear = () => {
    for (const chart of document.querySelectorAll("ts-chart[data-drop]")) chart.removeAttribute("data-drop");
  };
  // In a grid of several columns the half that is pointed at is that to the left or right, else that above or below.
  const isBehind = (chart, { clientX, clientY }) => {
    const { left, top, width, height } = chart.getBoundingClientRect();
    return chart.parentElement.clientWidth > 1.5 * width ? clientX > left + width / 2 : clientY > top + height / 2;
  };
  const target = (event) => {
    const chart = dragged && chartOf(event.target);
    return chart && chart !== dragged && chart.parentElement === dragged.parentElement ? chart : null;
  };

  document.addEventListener("dragstart", (event) => {
    dragged = chartOf(handle(event));
    if (!dragged) return;
    dragged.setAttribute("data-dragged", "");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", titleOf(dragged));
    event.dataTransfer.setDragImage(dragged, dragged.clientWidth - 20, 20);
  });
  document.addEventListener("dragover", (event) => {
    const chart = target(event);
    if (!chart) return;
    event.preventDefault();
    clear();
    chart.dataset.drop = isBehind(chart, event) ? "after" : "before";
  });
  document.addEventListener("drop", (event) => {
    const chart = target(event);
    if (!chart) return;
    event.preventDefault();
    const before = isBehind(chart, event) ? chart.nextElementSibling : chart;
    if (before !== dragged) put(dragged, before);
  });
  document.addEventListener("dragend", () => {
    dragged?.removeAttribute("data-dragged");
    dragged = null;
    clear();
  });
})();
