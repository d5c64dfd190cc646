"""learning_curve.png: return over env steps."""

import pathlib
from collections.abc import Sequence

import matplotlib.figure
import matplotlib.ticker


def plot(rows: Sequence[dict], environment: str, path: pathlib.Path) -> None:
  """Draws episode returns while training and the evaluations among them.

  Args:
    rows: of metrics.csv.
    environment: for the title.
    path: of the PNG, which appears whole or not at all.
  """
  figure = matplotlib.figure.Figure(figsize=(8, 4.5), layout="constrained")
  axes = figure.subplots()
  for column, label, style in (
    ("episode_return", "episodes while training", {"color": "#9db4c8"}),
    (
      "evaluation_return",
      "greedy evaluation",
      {"color": "#c1440e", "marker": "o", "markersize": 4},
    ),
  ):
    points = [
      (row["env_steps"], row[column]) for row in rows if row[column] is not None
    ]
    if points:
      axes.plot(*zip(*points, strict=True), label=label, **style)
  axes.set_title(environment)
  axes.set_xlabel("env steps")
  axes.set_ylabel("mean return")
  axes.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
  axes.grid(alpha=0.25)
  axes.spines[["top", "right"]].set_visible(False)
  if axes.lines:
    axes.legend(frameon=False)
  aside = path.with_name(f".partial-{path.name}")
  figure.savefig(aside, dpi=120)
  aside.replace(path)
