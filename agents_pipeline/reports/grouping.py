"""Groups runs by what differs in their configurations, seeds put together."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from agents_pipeline.evaluation import statistics
from agents_pipeline.reports import run_data

# Runs that differ in these alone are of one group: they learn the same way.
NOT_COMPARED = (
  "Experiment.seed",
  "TrainingConfig.log_period_env_steps",
  "TrainingConfig.checkpoint_period_env_steps",
  "CheckpointConfig.",
  "VideoConfig.",
)

NOT_SET = "(not set)"
_MAX_LABEL = 80  # letters, two lines of a phone


@dataclasses.dataclass(frozen=True)
class Group:
  """Runs of one environment and one configuration, of different seeds.

  Attributes:
    label: the name that tells the group apart from others of the environment:
      the fields that differ, or a number where they are too many.
    values: field -> value, for the fields that differ between groups.
    runs: the runs of the group.
  """

  label: str
  values: dict[str, Any]
  runs: list[run_data.RunData]

  @property
  def returns(self) -> list[float]:
    """The final mean return of every run that is finished."""
    return [r.final_return for r in self.runs if r.final_return is not None]

  @property
  def interquartile_mean(self) -> float | None:
    """Interquartile mean of the final returns; None if no run is finished."""
    if not self.returns:
      return None
    return float(statistics.interquartile_mean(np.array(self.returns)))

  @property
  def interval_95(self) -> tuple[float, float] | None:
    """95 % interval of `interquartile_mean`, over seeds; None for under two."""
    if len(self.returns) < 2:
      return None
    return statistics.bootstrap_interval(
      self.returns, statistic=statistics.interquartile_mean
    )


def by_environment(
  runs: Sequence[run_data.RunData],
) -> dict[str, list[run_data.RunData]]:
  """Environment -> its runs, in order of first appearance."""
  found: dict[str, list[run_data.RunData]] = {}
  for run in runs:
    found.setdefault(run.environment, []).append(run)
  return found


def by_configuration(runs: Sequence[run_data.RunData]) -> list[Group]:
  """Groups the runs of one environment.

  Args:
    runs: the runs, one or more.

  Returns:
    The groups, the highest interquartile mean first; groups without a finished
    run come last.
  """
  configs = [_compared(run.config) for run in runs]
  fields = _differing(configs)
  members: dict[str, list[run_data.RunData]] = {}
  values: dict[str, dict[str, Any]] = {}
  for run, config in zip(runs, configs, strict=True):
    chosen = {name: config[name] for name in fields if name in config}
    missing = [
      name
      for name in fields
      if name not in config and _owner(name) in _owners(config)
    ]
    chosen |= dict.fromkeys(missing, NOT_SET)
    key = repr(sorted(chosen.items()))
    members.setdefault(key, []).append(run)
    values[key] = chosen
  groups = [
    Group(_label(values[key], fields, runs[0].config), values[key], found)
    for key, found in members.items()
  ]
  groups.sort(key=_rank, reverse=True)
  if max(len(group.label) for group in groups) <= _MAX_LABEL:
    return groups
  return [
    dataclasses.replace(group, label=f"configuration {i + 1}")
    for i, group in enumerate(groups)
  ]


def shared(runs: Sequence[run_data.RunData]) -> list[str]:
  """The bindings that all runs have, as lines of a gin file."""
  first, *others = (run.config for run in runs)
  lines: list[str] = []
  for line in runs[0].config_text.splitlines():
    name, is_binding, _ = line.partition(" = ")
    if not is_binding or all(
      name in other and other[name] == first[name] for other in others
    ):
      lines.append(line)
  return lines


def _rank(group: Group) -> float:
  found = group.interquartile_mean
  return float("-inf") if found is None else found


def _compared(config: dict[str, Any]) -> dict[str, Any]:
  return {
    name: value
    for name, value in config.items()
    if not name.startswith(NOT_COMPARED)
  }


def _differing(configs: Sequence[dict[str, Any]]) -> list[str]:
  """The fields that differ between configurations, in their order there.

  A component that only some have chosen, such as Adam, is compared among these
  alone: the others lack its fields because of their choice, which is itself a
  field that differs.
  """
  names = dict.fromkeys(name for config in configs for name in config)
  return [name for name in names if _differs(name, configs)]


def _differs(name: str, configs: Sequence[dict[str, Any]]) -> bool:
  having = [config for config in configs if name in config]
  if len({repr(config[name]) for config in having}) > 1:
    return True
  return any(
    name not in config and _owner(name) in _owners(config) for config in configs
  )


def _owner(name: str) -> str:
  return name.split(".")[0]


def _owners(config: dict[str, Any]) -> set[str]:
  return {_owner(name) for name in config}


def _label(
  values: dict[str, Any], fields: Sequence[str], config: dict[str, Any]
) -> str:
  """The fields that differ, by their own names where these are unique."""
  if not values:
    return str(config.get("Experiment.agent", "all runs")).strip("@()")
  short = [name.split(".")[-1] for name in fields]
  parts = []
  for name, value in values.items():
    own = name.split(".")[-1]
    shown = own if short.count(own) == 1 else name
    parts.append(f"{shown} = {_shown(value)}")
  return ", ".join(parts)


def _shown(value: Any) -> str:
  text = str(value)
  is_choice = text.startswith("@") and text.endswith("()")
  return text[1:-2] if is_choice else text
