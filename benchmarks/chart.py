"""A bar chart of the ratios: how many times as fast as every other side."""

import pathlib

import matplotlib.figure
import matplotlib.ticker

from benchmarks import workloads

# By whether a ratio is at least what is wanted; None where nothing is.
_COLORS = {True: "#1f5f8b", False: "#c1440e", None: "#9aa5ad"}
_INK, _WANTED = "#444444", "#111111"
_INCHES_PER_BAR, _INCHES_PER_PANEL = 0.27, 0.45
_BAR = 0.6  # height, as a share of the distance between bars


def draw(found: dict, path: pathlib.Path) -> None:
  """Draws a PNG of `benchmarks.suite`'s results, a panel for each workload."""
  panels = [(work["title"], _bars(work)) for work in found["works"]]
  panels = [(title, bars) for title, bars in panels if bars]
  if not panels:
    return
  counts = [len(bars) for _, bars in panels]
  height = sum(n * _INCHES_PER_BAR + _INCHES_PER_PANEL for n in counts) + 0.6
  figure = matplotlib.figure.Figure(figsize=(9, height), layout="constrained")
  axes = figure.subplots(
    len(panels), 1, sharex=True, squeeze=False, height_ratios=counts
  )[:, 0]
  for ax, (title, bars) in zip(axes, panels, strict=True):
    _draw_panel(ax, title, bars)
  values = [v for _, bars in panels for bar in bars for v in _values(bar)]
  # Room for numbers at both ends.
  axes[0].set_xlim(min(0.5, *values) / 4, max(2.0, *values) * 3)
  axes[-1].xaxis.set_major_formatter(
    matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:g}")
  )
  axes[-1].set_xlabel(
    "our env steps per second divided by theirs: median and range of rounds\n"
    "black mark: wanted at least; blue: reached, red: not, grey: none wanted"
  )
  figure.savefig(path, dpi=110)


def _bars(work: dict) -> list[dict]:
  """The comparisons that have a ratio, each with its label."""
  titles = {name: side["title"] for name, side in work["sides"].items()}

  def label(comparison: dict) -> str:
    ours = titles[comparison["ours"]].removeprefix(workloads.OURS)
    other = f"over {titles[comparison['other']]}"
    return f"{ours}, {other}".removeprefix(", ")

  return [
    comparison | {"label": label(comparison)}
    for comparison in work["comparisons"]
    if "problem" not in comparison
  ]


def _values(bar: dict) -> list[float]:
  """The ratios that are marked beside the median."""
  return [bar[k] for k in ("low", "high", "wanted") if bar[k] is not None]


def _draw_panel(ax, title: str, bars: list[dict]) -> None:
  ax.set_xscale("log")
  ax.set_title(title, loc="left", fontsize=10, color=_INK)
  ax.set_yticks(range(len(bars)), [bar["label"] for bar in bars], fontsize=9)
  ax.set_ylim(len(bars) - 0.5, -0.5)
  ax.tick_params(axis="y", length=0)
  ax.tick_params(axis="x", which="minor", length=0)
  ax.axvline(1, color=_INK, linewidth=0.8)
  ax.grid(axis="x", color="#dddddd", linewidth=0.6)
  ax.set_axisbelow(True)
  ax.spines[["top", "right", "left"]].set_visible(False)
  for row, bar in enumerate(bars):
    color = _COLORS[bar["reached"]]
    ax.barh(row, bar["median"] - 1, left=1, height=_BAR, color=color)
    ax.plot([bar["low"], bar["high"]], [row, row], color=_INK, lw=1)
    if bar["wanted"] is not None:
      half = _BAR / 2 + 0.12
      ax.vlines(bar["wanted"], row - half, row + half, color=_WANTED, lw=2.2)
    _write_ratio(ax, row, bar)


def _write_ratio(ax, row: int, bar: dict) -> None:
  """Writes the ratio at the bar's far end, beyond all marks."""
  is_faster = bar["median"] >= 1
  end = max(1, *_values(bar)) if is_faster else min(1, *_values(bar))
  ax.annotate(
    f"{bar['median']:.3g}",
    (end, row),
    xytext=(5 if is_faster else -5, 0),
    textcoords="offset points",
    ha="left" if is_faster else "right",
    va="center",
    fontsize=9,
    color=_INK,
  )
