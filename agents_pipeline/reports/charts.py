"""Charts of a report, as page.js draws them with uPlot."""

import dataclasses
import html
import json
from collections.abc import Callable, Sequence

import numpy as np

from agents_pipeline.reports import curves, grouping, run_data

MAX_GROUPS = 8  # more lines cannot be told apart
_MIN_SEEDS_OF_PROFILE = 3


@dataclasses.dataclass(frozen=True)
class Chart:
  """Lines with bands over one axis.

  Attributes:
    title: the title of the chart.
    note: a sentence on what lines and bands are.
    x_label: the label of the axis.
    x: the points where the lines have values, [P].
    lines: the number of the color, the label and the values of each group.
  """

  title: str
  note: str
  x_label: str
  x: np.ndarray
  lines: list[tuple[int, str, curves.Curve]]

  def to_json(self) -> dict:
    """The chart as page.js reads it; unknown values are null."""
    return {
      "title": self.title,
      "xLabel": self.x_label,
      "x": _numbers(self.x),
      "lines": [
        {
          "color": color,
          "label": label,
          "middle": _numbers(curve.middle),
          "low": _numbers(curve.low),
          "high": _numbers(curve.high),
          "numSeeds": curve.num_seeds.tolist(),
        }
        for color, label, curve in self.lines
      ],
    }


def of_environment(
  environment: str, groups: Sequence[grouping.Group]
) -> list[Chart]:
  """The charts of the runs of one environment.

  Args:
    environment: the environment's id.
    groups: the groups, the best first. The first `MAX_GROUPS` are drawn.

  Returns:
    The charts that there is data for.
  """
  drawn = groups[:MAX_GROUPS]
  runs = [run for group in drawn for run in group.runs]
  charts = [
    _evaluation_chart(drawn, runs),
    _training_chart(drawn, runs),
    _profile_chart(drawn),
  ]
  return [
    dataclasses.replace(chart, title=f"{environment}: {chart.title}")
    for chart in charts
    if chart.lines and len(chart.x)
  ]


def to_html(charts: Sequence[Chart], first: int) -> str:
  """The places of charts in a page, each with the note below it.

  Args:
    charts: the charts to draw there.
    first: the number of the first of them among all charts of the page.
  """
  return "".join(
    f'<figure class="chart"><div class="plot" data-chart="{first + i}" '
    f'role="img" aria-label="{html.escape(chart.title)}"></div>'
    f"<figcaption>{html.escape(chart.note)}</figcaption></figure>\n"
    for i, chart in enumerate(charts)
  )


def script_json(charts: Sequence[Chart]) -> str:
  """All charts as JSON that may stand in a script element."""
  text = json.dumps([chart.to_json() for chart in charts])
  return text.replace("<", "\\u003c")


def _evaluation_chart(
  groups: Sequence[grouping.Group], runs: Sequence[run_data.RunData]
) -> Chart:
  return Chart(
    "evaluation return",
    "Greedy evaluations while training, on gymnasium's own environment. "
    + _about_lines(groups),
    "env steps",
    at := curves.evaluation_steps(runs),
    _lines(groups, at, curves.evaluations),
  )


def _training_chart(
  groups: Sequence[grouping.Group], runs: Sequence[run_data.RunData]
) -> Chart:
  at = curves.training_steps(runs)
  window = at[-1] * curves.WINDOW if len(at) else 0.0
  return Chart(
    "training return",
    f"Mean return of the training episodes that ended in the last {window:,.0f}"
    f" env steps; these explore. {_about_lines(groups)}",
    "env steps",
    at,
    _lines(groups, at, lambda run: curves.training_returns(run, at, window)),
  )


def _profile_chart(groups: Sequence[grouping.Group]) -> Chart:
  """The chart of the groups that have enough seeds."""
  enough = [
    (i, group)
    for i, group in enumerate(groups)
    if len(group.returns) >= _MIN_SEEDS_OF_PROFILE
  ]
  returns = [value for _, group in enough for value in group.returns]
  low, high = (min(returns), max(returns)) if returns else (0.0, 0.0)
  margin = 0.05 * (high - low) or 1.0
  at = np.linspace(low - margin, high + margin, curves.NUM_POINTS)
  return Chart(
    "performance profile",
    "The share of seeds whose final mean return is at least so much (Agarwal "
    "et al. 2021); the further to the right, the better. Band: pointwise 95 % "
    "bootstrap interval over seeds.",
    "final mean return",
    at,
    [
      (i, group.label, curves.performance_profile(group.returns, at))
      for i, group in enough
    ],
  )


def _lines(
  groups: Sequence[grouping.Group],
  at: np.ndarray,
  points: Callable[[run_data.RunData], curves.Points],
) -> list[tuple[int, str, curves.Curve]]:
  lines = []
  for i, group in enumerate(groups):
    curve = curves.over_seeds([points(run) for run in group.runs], at)
    if curve.num_seeds.any():
      lines.append((i, group.label, curve))
  return lines


def _about_lines(groups: Sequence[grouping.Group]) -> str:
  if all(len(group.runs) == 1 for group in groups):
    return "One seed each: no band." if len(groups) > 1 else "One seed."
  return (
    "Line: interquartile mean over the seeds that came so far. Band: its "
    "pointwise 95 % bootstrap interval, from two seeds on."
  )


def _numbers(values: np.ndarray) -> list[float | None]:
  """Numbers of six digits; None for NaN."""
  return [
    float(f"{value:.6g}") if np.isfinite(value) else None for value in values
  ]
