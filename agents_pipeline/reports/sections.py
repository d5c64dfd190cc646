"""Sections of a report on the runs of one environment."""

import os
import urllib.parse
from collections.abc import Sequence
from typing import Any

import numpy as np

from agents_pipeline.reports import charts, grouping, run_data
from agents_pipeline.reports.elements import (
  NOTHING,
  Markup,
  details,
  duration,
  element,
  interval,
  number,
  table,
  text,
  whole,
)


def results(groups: Sequence[grouping.Group]) -> Markup:
  """The table of what the groups reached, over seeds."""
  rows = []
  for i, group in enumerate(groups):
    returns = group.returns
    bounds, over = group.interval_95, f"{len(returns)} seeds"
    if len(returns) == 1:
      (run,) = (run for run in group.runs if run.is_finished)
      assert run.evaluation is not None
      bounds = run.evaluation["interval_95"]
      over = f"{len(run.evaluation['returns'])} episodes of 1 seed"
    worst, best = (min(returns), max(returns)) if returns else (None, None)
    rows.append(
      (
        element("span", _swatch(i), group.label),
        _num_finished(group),
        number(group.interquartile_mean),
        interval(bounds),
        over if returns else NOTHING,
        f"{number(worst)}, {number(best)}",
      )
    )
  header = (
    "configuration", "seeds", "interquartile mean", "95 % interval", "over",
    "worst, best seed",
  )  # fmt: skip
  note = (
    "Mean returns of the final evaluations: greedy episodes of the exported "
    "policy. Runs that are not finished do not count."
  )
  if len(groups) > charts.MAX_GROUPS:
    note += (
      f" The charts show the first {charts.MAX_GROUPS} of {len(groups)} "
      "configurations."
    )
  return Markup(
    element("h3", "Results")
    + table(header, rows, "results")
    + element("p", note, class_="note")
  )


def differences(groups: Sequence[grouping.Group]) -> Markup:
  """The table of the fields that differ between groups, with their values."""
  if len(groups) == 1:
    return Markup("")
  fields = dict.fromkeys(name for group in groups for name in group.values)
  rows = [
    (
      element("code", name),
      *(_value(group.values, name) for group in groups),
    )
    for name in fields
  ]
  header = ("field", *(group.label for group in groups))
  if len(groups) > len(fields):  # the longer side goes down
    header = ("configuration", *fields)
    rows = [
      (group.label, *(_value(group.values, name) for name in fields))
      for group in groups
    ]
  note = (
    "Everything else is the same, but for seeds, and how often runs log, save "
    "and record videos."
  )
  return Markup(
    element("h3", "What differs")
    + table(header, rows, "what differs")
    + element("p", note, class_="note")
  )


def runs_table(groups: Sequence[grouping.Group], base: str) -> Markup:
  """The table of all runs; runs that are not finished are marked.

  Args:
    groups: the groups of the runs.
    base: the folder that the report is in, from which links begin.
  """
  header = (
    "run", "configuration", "seed", "status", "env steps", "mean return",
    "95 % of its episodes", "policy of env step", "newest evaluation",
  )  # fmt: skip
  rows = []
  for i, group in enumerate(groups):
    for run in group.runs:
      evaluation = (run.evaluation if run.is_finished else None) or {}
      rows.append(
        (
          _link(run, base),
          element("span", _swatch(i), group.label),
          NOTHING if run.seed is None else run.seed,
          run.status()
          if run.is_finished
          else element("strong", run.status(), class_="warning"),
          _progress(run),
          number(run.final_return),
          interval(evaluation.get("interval_95")),
          whole(evaluation.get("policy_env_steps")),
          number(run.newest_evaluation),
        )
      )
  return Markup(
    element("h3", "Runs") + table(header, rows, "runs") + _remarks(groups)
  )


def speed(groups: Sequence[grouping.Group]) -> Markup:
  """The table of how fast the groups ran, and what their time went to."""
  header = (
    "configuration", "env steps/s", "train steps/s", "time of a run",
    "where it went",
  )  # fmt: skip
  rows = []
  for i, group in enumerate(groups):
    seconds = _seconds(group)
    rows.append(
      (
        element("span", _swatch(i), group.label),
        whole(_rate(group, "env_steps_per_second")),
        whole(_rate(group, "train_steps_per_second")),
        duration(sum(seconds.values())) if seconds else NOTHING,
        _shares(seconds) if seconds else NOTHING,
      )
    )
  note = (
    "Rates are medians over intervals, without evaluations and writing "
    "(timing.csv), then over runs. Times are those of the latest start of each "
    "finished run (run.json), the mean over runs."
  )
  return Markup(
    element("h3", "Speed, and where the time went")
    + table(header, rows, "speed")
    + element("p", note, class_="note")
  )


def configuration(runs: Sequence[run_data.RunData]) -> Markup:
  """The bindings that all runs share, as gin text."""
  lines = "\n".join(grouping.shared(runs)).strip()
  summary = (
    "config.gin"
    if len(runs) == 1
    else f"What is bound in all {len(runs)} runs, as gin"
  )
  return Markup(
    element("h3", "Configuration")
    + details(summary, element("pre", element("code", lines)))
  )


def _swatch(i: int) -> Markup:
  """The color of a group in the charts, where it is drawn."""
  if i >= charts.MAX_GROUPS:
    return Markup("")
  return element("i", class_=f"swatch c{i}", aria_hidden="true")


def _num_finished(group: grouping.Group) -> str:
  finished, total = len(group.returns), len(group.runs)
  return str(total) if finished == total else f"{finished} of {total} finished"


def _value(values: dict[str, Any], name: str) -> object:
  return element("code", values[name]) if name in values else NOTHING


def _link(run: run_data.RunData, base: str) -> Markup:
  """The run's name, which leads to its own report if it has one elsewhere."""
  report = run.folder.report
  is_beside = os.path.realpath(report.parent) == os.path.realpath(base)
  if not report.exists() or is_beside:
    return Markup(text(run.name))
  return element("a", run.name, href=href(report, base))


def href(path: os.PathLike, base: str) -> str:
  """A link to a file, relative to the folder of the page."""
  relative = os.path.relpath(os.path.realpath(path), os.path.realpath(base))
  return urllib.parse.quote(relative.replace(os.sep, "/"))


def _progress(run: run_data.RunData) -> str:
  wanted = run.wanted_env_steps
  if run.is_finished or not isinstance(wanted, int):
    return whole(run.env_steps)
  return f"{run.env_steps:,} of {wanted:,}"


def _remarks(groups: Sequence[grouping.Group]) -> Markup:
  """What a reader should know of single runs before comparing them."""
  remarks = [
    remark
    for group in groups
    for remark in (*_same_seeds(group), *map(_changes_and_cuts, group.runs))
    if remark
  ]
  if not remarks:
    return Markup("")
  items = (element("li", remark) for remark in remarks)
  return element("ul", *items, class_="note")


def _same_seeds(group: grouping.Group) -> list[str]:
  """Warns of runs with one seed: as repetitions, they narrow the intervals."""
  seeds: dict[int | None, list[str]] = {}
  for run in group.runs:
    seeds.setdefault(run.seed, []).append(run.name)
  return [
    f"{', '.join(names)} have the same configuration and seed, but count as "
    f"{len(names)} seeds."
    for names in seeds.values()
    if len(names) > 1
  ]


def _changes_and_cuts(run: run_data.RunData) -> str:
  """Settings changed under way, and episodes that the evaluation cut."""
  changes = [
    f"changed from {change['env_steps']:,} env steps on: "
    f"{'; '.join(map(str, change['settings']))}"
    for change in run.record.get("changes", [])
  ]
  evaluation = (run.evaluation if run.is_finished else None) or {}
  if num_cut := evaluation.get("num_cut_episodes"):
    limit = evaluation.get("max_env_steps_per_episode", 0)
    changes.append(
      f"{num_cut} of the {len(evaluation['returns'])} final episodes were cut "
      f"at {limit:,} env steps"
    )
  return f"{run.name}: {'; '.join(changes)}." if changes else ""


def _rate(group: grouping.Group, column: str) -> float | None:
  rates = [run.timing.get(column, np.zeros(0)) for run in group.runs]
  medians = [np.nanmedian(r) for r in rates if np.isfinite(r).any()]
  return float(np.median(medians)) if medians else None


def _seconds(group: grouping.Group) -> dict[str, float]:
  """Part -> its mean seconds over the finished runs, the longest first."""
  records = [run.record.get("seconds", {}) for run in group.runs]
  known = [record for record in records if record]
  parts = {part for record in known for part in record}
  means = {
    part: sum(record.get(part, 0.0) for record in known) / len(known)
    for part in parts
  }
  return dict(sorted(means.items(), key=lambda item: -item[1]))


def _shares(seconds: dict[str, float]) -> Markup:
  """A bar of the parts, and their shares in words."""
  total = sum(seconds.values()) or 1.0
  bar = element(
    "span",
    *(
      element("i", class_=f"c{i % charts.MAX_GROUPS}", style=f"flex: {share}")
      for i, share in enumerate(s / total for s in seconds.values())
    ),
    class_="bar",
    aria_hidden="true",
  )
  words = ", ".join(
    f"{part} {value / total:.0%}" for part, value in seconds.items()
  )
  return Markup(bar + text(words))
