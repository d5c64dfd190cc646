"""A picture of what was measured: how many times every other side we are."""

import pathlib

import matplotlib.figure
import matplotlib.ticker

from benchmarks import sides

# By whether a ratio is at least what is wanted; None where nothing is.
_COLORS = {True: "#1f5f8b", False: "#c1440e", None: "#9aa5ad"}
_INK, _WANTED, _RANGE = "#444444", "#111111", "#444444"
_INCHES_PER_BAR, _INCHES_PER_PANEL = 0.27, 0.45
_BAR = 0.6  # of the room that it has


def draw(found: dict, path: pathlib.Path) -> None:
  """Draws a panel of bars for each work.

  Args:
    found: by `benchmarks.suite`.
    path: of the PNG.
  """
  works = [
    (work["title"], _bars(work)) for work in found["works"] if _bars(work)
  ]
  if not works:
    return
  counts = [len(bars) for _, bars in works]
  height = sum(n * _INCHES_PER_BAR + _INCHES_PER_PANEL for n in counts) + 0.6
  figure = matplotlib.figure.Figure(figsize=(9, height), layout="constrained")
  panels = figure.subplots(
    len(works), 1, sharex=True, squeeze=False, height_ratios=counts
  )[:, 0]
  for panel, (title, bars) in zip(panels, works, strict=True):
    _draw_panel(panel, title, bars)
  low, high = _limits([bar for _, bars in works for bar in bars])
  panels[0].set_xlim(low, high)
  panels[-1].xaxis.set_major_formatter(
    matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}")
  )
  panels[-1].set_xlabel(
    "our env steps per second divided by theirs: median and range of rounds\n"
    "black mark: wanted at least; blue: reached, red: not, grey: none wanted"
  )
  figure.savefig(path, dpi=110)


def _bars(work: dict) -> list[dict]:
  """What can be drawn of a work: comparisons, each with its label."""
  titles = {name: side["title"] for name, side in work["sides"].items()}

  def label(comparison: dict) -> str:
    ours = titles[comparison["ours"]].removeprefix(sides.OURS)
    other = f"over {titles[comparison['other']]}"
    return f"{ours}, {other}".removeprefix(", ")

  return [
    comparison | {"label": label(comparison)}
    for comparison in work["comparisons"]
    if "problem" not in comparison
  ]


def _limits(bars: list[dict]) -> tuple[float, float]:
  """Of the axis, with room for numbers at both ends."""
  values = [v for bar in bars for v in (bar["low"], bar["high"], bar["wanted"])]
  known = [v for v in values if v is not None]
  return min(0.5, *known) / 4, max(2.0, *known) * 3


def _draw_panel(panel, title: str, bars: list[dict]) -> None:
  panel.set_xscale("log")
  panel.set_title(title, loc="left", fontsize=10, color=_INK)
  panel.set_yticks(range(len(bars)), [bar["label"] for bar in bars], fontsize=9)
  panel.set_ylim(len(bars) - 0.5, -0.5)
  panel.tick_params(axis="y", length=0)
  panel.tick_params(axis="x", which="minor", length=0)
  panel.axvline(1, color=_INK, linewidth=0.8)
  panel.grid(axis="x", color="#dddddd", linewidth=0.6)
  panel.set_axisbelow(True)
  for side in ("top", "right", "left"):
    panel.spines[side].set_visible(False)
  for row, bar in enumerate(bars):
    median = bar["median"]
    color = _COLORS[bar["reached"]]
    panel.barh(row, median - 1, left=1, height=_BAR, color=color)
    panel.plot([bar["low"], bar["high"]], [row, row], color=_RANGE, lw=1)
    if bar["wanted"] is not None:
      half = _BAR / 2 + 0.12
      panel.plot(
        [bar["wanted"]] * 2, [row - half, row + half], color=_WANTED, lw=2.2
      )
    _write_number(panel, row, bar)


def _write_number(panel, row: int, bar: dict) -> None:
  """Writes the ratio at the bar's far end, beyond all marks."""
  ends = [v for v in (bar["low"], bar["high"], bar["wanted"]) if v is not None]
  faster = bar["median"] >= 1
  panel.annotate(
    f"{bar['median']:.3g}",
    (max(1, *ends) if faster else min(1, *ends), row),
    xytext=(5 if faster else -5, 0),
    textcoords="offset points",
    ha="left" if faster else "right",
    va="center",
    fontsize=9,
    color=_INK,
  )
