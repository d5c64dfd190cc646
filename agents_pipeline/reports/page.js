"use strict";

// Draws the charts, with uPlot. A line is three series: the two bounds of its
// band, and its middle. The legend lists only the middle, with the bounds.

const HEIGHT = 320;
const PRINTED_WIDTH = 640; // fits A4 and Letter
const root = document.documentElement;

const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
const color = (line) => css(`--c${line.color}`);
const band = (line) =>
  `color-mix(in srgb, ${color(line)} ${css("--band")}, transparent)`;

function shortNumber(value) {
  if (value === null || value === undefined) return "\u2013";
  const digits = Math.abs(value) < 10 ? 2 : 1;
  return value.toLocaleString("en", {
    maximumFractionDigits: Number.isInteger(value) ? 0 : digits,
  });
}

function axisNumbers(values) {
  const isLong = values.some((value) => Math.abs(value) >= 10000);
  const notation = isLong ? "compact" : "standard";
  return values.map((value) => value.toLocaleString("en", { notation }));
}

// What the legend says of a line at a point.
function reading(line, index) {
  if (index === null || index === undefined) return "\u2013";
  const middle = line.middle[index];
  if (middle === null) return "\u2013";
  const seeds = line.numSeeds[index];
  if (line.low[index] === null) return shortNumber(middle);
  const [low, high] = [line.low[index], line.high[index]].map(shortNumber);
  return `${shortNumber(middle)} (${low} to ${high}, ${seeds} seeds)`;
}

function seriesOf(chart) {
  const x = { label: chart.xLabel, value: (u, v) => shortNumber(v) };
  const ofLines = chart.lines.flatMap((line) => [
    { class: "bound", label: "", width: 0, points: { show: false } },
    { class: "bound", label: "", width: 0, points: { show: false } },
    {
      label: line.label,
      width: 2,
      stroke: () => color(line),
      value: (u, v, series, index) => reading(line, index),
      spanGaps: true,
      points: { show: chart.x.length < 30, fill: () => css("--paper") },
    },
  ]);
  return [x, ...ofLines];
}

function axis(size) {
  const thin = { stroke: () => css("--line"), width: 1 };
  return {
    stroke: () => css("--faint"),
    grid: thin,
    ticks: thin,
    font: "12px system-ui, sans-serif",
    values: (u, values) => axisNumbers(values),
    ...size,
  };
}

// Drawn on first use: colors are then known.
function draw(element, chart) {
  const data = [
    chart.x,
    ...chart.lines.flatMap((line) => [line.high, line.low, line.middle]),
  ];
  const options = {
    title: chart.title,
    width: element.clientWidth,
    height: HEIGHT,
    series: seriesOf(chart),
    bands: chart.lines.map((line, i) => ({
      series: [3 * i + 1, 3 * i + 2],
      fill: () => band(line),
    })),
    scales: { x: { time: false } },
    axes: [axis({ size: 36, space: 64 }), axis({ size: 60 })],
    legend: {
      markers: {
        width: 0,
        fill: (u, i) => `var(--c${chart.lines[Math.ceil(i / 3) - 1].color})`,
      },
    },
    hooks: {
      // A click on the name of a line hides its band, too.
      setSeries: [
        (u, i, changed) => {
          if (i === null || i % 3 || changed.show === undefined) return;
          u.setSeries(i - 1, { show: changed.show });
          u.setSeries(i - 2, { show: changed.show });
        },
      ],
    },
  };
  return new uPlot(options, data, element);
}

const charts = JSON.parse(document.getElementById("charts").textContent);
const plots = [...document.querySelectorAll(".plot")].map((element) => {
  const plot = draw(element, charts[element.dataset.chart]);
  new ResizeObserver(() => {
    if (root.classList.contains("printing")) return;
    plot.setSize({ width: element.clientWidth, height: HEIGHT });
  }).observe(element);
  return plot;
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const plot of plots) plot.redraw();
});

// On paper: ink on white, of the paper's width, with nothing folded.
const folded = [...document.querySelectorAll("details:not([open])")];

function setPrinting(value) {
  root.classList.toggle("printing", value);
  for (const element of folded) element.open = value;
  for (const plot of plots) {
    const width = value ? PRINTED_WIDTH : plot.root.parentElement.clientWidth;
    plot.setSize({ width, height: HEIGHT });
    plot.redraw(true, true); // the axes, too
  }
}
addEventListener("beforeprint", () => setPrinting(true));
addEventListener("afterprint", () => setPrinting(false));
