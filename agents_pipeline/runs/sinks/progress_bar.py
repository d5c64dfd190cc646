"""Progress sink: a bar in a terminal, otherwise plain lines."""

import sys
import time
from collections.abc import Mapping

import tqdm

from agents_pipeline.runs import metrics
from agents_pipeline.runs import run as run_lib
from agents_pipeline.runs.sinks import sink

_SECONDS_BETWEEN_LINES = 10.0


def open_progress(run: run_lib.Run, resumed_at: int | None) -> sink.Sink:
  """Begins to show progress on stderr; see `logger.SinkFactory`.

  It counts env steps, or train steps if the run is measured in episodes: the
  number of env steps in an episode is not known in advance.
  """
  del resumed_at
  training, agent = run.experiment.training, run.experiment.agent
  per_iteration = agent.num_collect_episodes_per_iteration
  if per_iteration and training.num_episodes:
    num_iterations = -(-training.num_episodes // per_iteration)
    return ProgressBar(
      "train_steps",
      num_iterations * agent.num_train_steps_per_iteration,
      run.train_steps,
      {"episode": "episodes", "loss": "loss", "return": "episode_return"},
    )
  return ProgressBar(
    "env_steps",
    training.num_env_steps,
    run.env_steps,
    {"return": "episode_return", "eval": "evaluation_return"},
  )


class ProgressBar(sink.Sink):
  """Shows the steps done, their rate, the time left and some metrics.

  Without a terminal, it prints a line at every evaluation and at most every 10
  seconds otherwise.
  """

  def __init__(
    self, column: str, total: int, initial: int, labels: Mapping[str, str]
  ):
    """Begins to show progress.

    Args:
      column: the metric that is counted, "env_steps" or "train_steps".
      total: the value of that metric at the end of the run.
      initial: the value of that metric now.
      labels: label -> the metric shown beside the bar.
    """
    self._column = column
    self._total = total
    self._labels = labels
    self._is_terminal = sys.stderr.isatty()
    self._start_time = self._last_line_time = time.monotonic()
    self._initial = initial
    self._bar = tqdm.tqdm(
      total=total,
      initial=initial,
      unit=" steps",
      unit_scale=True,
      disable=not self._is_terminal,
      dynamic_ncols=True,
      bar_format="{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} "
      "[{elapsed}<{remaining}, {rate_fmt}{postfix}]",
    )

  def write(self, entry: sink.LogEntry) -> None:
    """See `Sink`."""
    row = entry.metrics
    steps = int(row[self._column] or 0)
    text = self._labelled_values(row)
    if self._is_terminal:
      self._bar.set_postfix_str(text, refresh=False)
      self._bar.update(min(steps, self._total) - self._bar.n)
    elif row["evaluation_return"] is not None or self._line_is_due(steps):
      self._last_line_time = time.monotonic()
      print(
        f"{steps:>9,} of {self._total:,} {self._column.replace('_', ' ')}"
        f"{self._time_left(steps)}{', ' if text else ''}{text}",
        file=sys.stderr,
        flush=True,
      )

  def end_training(self) -> None:
    """Leaves the bar as it is, and moves on to the next line."""
    self._bar.close()

  def close(self, *, failed: bool = False) -> None:
    """Leaves the bar as it is, also where training failed."""
    del failed
    self._bar.close()

  def _labelled_values(self, row: metrics.Row) -> str:
    values = {label: row[name] for label, name in self._labels.items()}
    return ", ".join(
      f"{label} {_format(value)}"
      for label, value in values.items()
      if value is not None
    )

  def _line_is_due(self, steps: int) -> bool:
    waited = time.monotonic() - self._last_line_time
    return waited >= _SECONDS_BETWEEN_LINES or steps >= self._total

  def _time_left(self, steps: int) -> str:
    seconds = max(time.monotonic() - self._start_time, 1e-9)
    rate = (steps - self._initial) / seconds
    if rate <= 0:
      return ""
    return f", {rate:,.0f}/s, {max(self._total - steps, 0) / rate:,.0f} s left"


def _format(value: float | int) -> str:
  if isinstance(value, int):
    return str(value)
  return f"{value:.1f}" if abs(value) >= 1 else f"{value:.3f}"
