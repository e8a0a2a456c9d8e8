// The small charts of the overview, drawn by uPlot from the figures that the page carries.
"use strict";

window.recoupCharts = (() => {
  const HEIGHT = 92;
  const LINEAR = { range: (plot, low, high) => [0, Math.max(high || 0, 1) * 1.05] };
  const LOGARITHMIC = { distr: 3, range: (plot, low, high) => [1, Math.max(high || 0, 100) * 1.2] };
  const POWERS = [1, 10, 100, 1000, 10000, 100000];
  const drawn = new WeakMap();

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // The page tells all times as the server's clock shows them; so do the charts.
  function onTheWall(at_s) {
    const there_s = Number(document.body.dataset.utcOffset);
    const here_s = -new Date(at_s * 1000).getTimezoneOffset() * 60;
    return new Date((at_s + there_s - here_s) * 1000);
  }

  function text(value, unit) {
    if (value === null || value === undefined) return "–";
    const digits = value !== 0 && Math.abs(value) < 10 && !Number.isInteger(value) ? 1 : 0;
    return value.toLocaleString("en", { maximumFractionDigits: digits }) + unit;
  }

  function powers(plot) {
    return POWERS.filter((power) => power <= plot.scales.y.max);
  }

  function label(tick, chart) {
    if (tick === null) return null;
    return chart.log && tick >= 1000 ? text(tick / 1000, " s") : text(tick, chart.log ? chart.unit : "");
  }

  function columns(chart) {
    return [chart.x, ...chart.series.map((one) => one.values)];
  }

  // Behind the lines: when some store could not be reached.
  function shade(plot, spans) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = colour("--chart-away");
    for (const [from, to] of spans) {
      const left = Math.max(plot.valToPos(from, "x", true), bbox.left);
      const right = Math.min(plot.valToPos(to, "x", true), bbox.left + bbox.width);
      ctx.fillRect(left, bbox.top, Math.max(right - left, 2), bbox.height);
    }
    ctx.restore();
  }

  function options(node, chart) {
    const axis = { stroke: colour("--soft"), font: "11px system-ui, sans-serif", ticks: { show: false } };
    const grid = { stroke: colour("--line"), width: 1 };
    return {
      width: node.clientWidth,
      height: HEIGHT,
      padding: [6, 4, 0, 0],
      legend: { show: false },
      tzDate: onTheWall,
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { y: chart.log ? LOGARITHMIC : LINEAR },
      axes: [
        { ...axis, grid: { show: false }, size: 20, space: 70, values: "{HH}:{mm}" },
        {
          ...axis,
          grid,
          size: 46,
          space: 26,
          values: (plot, ticks) => ticks.map((tick) => label(tick, chart)),
          ...(chart.log ? { splits: powers, filter: (plot, ticks) => ticks } : {}),
        },
      ],
      series: [
        {},
        ...chart.series.map((one) => ({
          label: one.name,
          stroke: colour(`--chart-${one.colour}`),
          width: 1.5,
          fill: one.colour === 1 ? `${colour("--chart-1")}1f` : undefined,
          points: { show: false },
        })),
      ],
      hooks: {
        drawClear: [(plot) => shade(plot, drawn.get(node).chart.away)],
        setCursor: [(plot) => readOut(node, plot)],
      },
    };
  }

  function readOut(node, plot) {
    const { chart, readout } = drawn.get(node);
    const at = plot.cursor.idx;
    readout.hidden = at === null || at === undefined;
    if (readout.hidden) return;
    const moment = onTheWall(chart.x[at]);
    const said = chart.series.map((one) => `${one.name} ${text(one.values[at], chart.unit)}`);
    readout.textContent = `${moment.toTimeString().slice(0, 8)}  ${said.join("  ")}`;
  }

  function draw(node) {
    const before = drawn.get(node);
    if (before) before.plot.destroy();
    node.replaceChildren();
    node.classList.add("drawn"); // else it has no width yet
    const chart = JSON.parse(node.dataset.chart);
    const readout = document.createElement("div");
    readout.className = "readout";
    readout.hidden = true;
    const state = { chart, readout, plot: null };
    drawn.set(node, state);
    state.plot = new uPlot(options(node, chart), columns(chart), node);
    state.plot.root.append(readout);
    resized.observe(node);
  }

  const resized = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const state = drawn.get(target);
      if (state && state.plot && contentRect.width > 0 && contentRect.width !== state.plot.width) {
        state.plot.setSize({ width: contentRect.width, height: HEIGHT });
      }
    }
  });

  function drawAll(root) {
    for (const node of root.querySelectorAll(".chart[data-chart]")) {
      if (!drawn.has(node)) draw(node);
    }
  }

  function names(chart) {
    return chart.series.map((one) => one.name).join();
  }

  // New figures for a chart that is there; another kind of answer needs another line.
  function update(node, figures) {
    const state = drawn.get(node);
    if (node.dataset.chart === figures) return;
    node.dataset.chart = figures;
    const chart = JSON.parse(figures);
    if (!state || names(chart) !== names(state.chart)) {
      draw(node);
      return;
    }
    state.chart = chart;
    state.plot.setData(columns(chart));
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const node of document.querySelectorAll(".chart[data-chart]")) draw(node);
  });

  return { drawAll, update };
})();
