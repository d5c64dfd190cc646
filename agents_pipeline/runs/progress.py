"""What a person watches: a progress bar, or plain lines without a terminal."""

import sys
import time

import tqdm

from agents_pipeline.runs import metrics

_SECONDS_BETWEEN_LINES = 10.0


class Progress:
  """Shows steps done, their rate, the time left and some metrics."""

  def __init__(self, steps: str, total: int, done: int, told: dict[str, str]):
    """Begins to show.

    Args:
      steps: the metric that is counted, "env_steps" or "train_steps".
      total: of the run.
      done: already.
      told: word -> the metric that is shown beside it.
    """
    self._steps = steps
    self._total = total
    self._told = told
    self._is_terminal = sys.stderr.isatty()
    self._started = self._last_line = time.monotonic()
    self._first = done
    self._bar = tqdm.tqdm(
      total=total,
      initial=done,
      unit=" steps",
      unit_scale=True,
      disable=not self._is_terminal,
      dynamic_ncols=True,
      bar_format="{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} "
      "[{elapsed}<{remaining}, {rate_fmt}{postfix}]",
    )

  def write(self, row: metrics.Row) -> None:
    """Shows how far the run is."""
    steps = int(row[self._steps] or 0)
    told = {word: row[name] for word, name in self._told.items()}
    words = ", ".join(
      f"{word} {_short(value)}"
      for word, value in told.items()
      if value is not None
    )
    if self._is_terminal:
      self._bar.set_postfix_str(words, refresh=False)
      self._bar.update(min(steps, self._total) - self._bar.n)
    elif row["evaluation_return"] is not None or self._is_time(steps):
      self._last_line = time.monotonic()
      print(
        f"{steps:>9,} of {self._total:,} "
        f"{self._steps.replace('_', ' ')}{self._left(steps)}"
        f"{', ' if words else ''}{words}",
        file=sys.stderr,
        flush=True,
      )

  def _is_time(self, steps: int) -> bool:
    waited = time.monotonic() - self._last_line
    return waited >= _SECONDS_BETWEEN_LINES or steps >= self._total

  def _left(self, steps: int) -> str:
    rate = (steps - self._first) / max(time.monotonic() - self._started, 1e-9)
    if rate <= 0:
      return ""
    return f", {rate:,.0f}/s, {max(self._total - steps, 0) / rate:,.0f} s left"

  def close(self) -> None:
    """Leaves the bar as it is and goes to the next line."""
    self._bar.close()


def _short(value: float | int) -> str:
  if isinstance(value, int):
    return str(value)
  return f"{value:.1f}" if abs(value) >= 1 else f"{value:.3f}"
