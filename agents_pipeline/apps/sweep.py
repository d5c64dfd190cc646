"""Trains an experiment with many settings or seeds: a grid, or a search.

python -m agents_pipeline.apps.sweep --root_dir=sweeps/lr \\
  --gin_file=configs/dqn_cartpole.gin --num_seeds=3 --at_once=2 \\
  --vary="Adam.learning_rate = [1e-4, 1e-3]" --vary="DqnConfig.n_step = [1, 3]"
python -m agents_pipeline.apps.sweep --root_dir=sweeps/search \\
  --gin_file=configs/dqn_cartpole.gin --num_trials=40 \\
  --vary="Adam.learning_rate = loguniform(1e-5, 1e-2)"
python -m agents_pipeline.apps.sweep --root_dir=sweeps/seeds \\
  --gin_file=configs/dqn_cartpole.gin --num_seeds=5 --at_once=2
"""

import sys
from collections.abc import Sequence

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import (
  command_line,
  experiment_flags,
  help_config,
  signals,
)
from agents_pipeline.config import gin_files, schema
from agents_pipeline.files import lock, paths, run_folder
from agents_pipeline.reports import page
from agents_pipeline.sweeps import (
  grid,
  parameters,
  planned,
  processes,
  ray_actors,
  schedule,
  search,
  summary,
  sweep_folder,
  table,
)

_MOST_TRIALS = 10_000
_SEED = "Experiment.seed"

_ROOT_DIR = flags.DEFINE_string(
  "root_dir",
  None,
  "The folder of the sweep; a sweep that stopped there is resumed.",
  required=True,
)
experiment_flags.define()
_VARY = flags.DEFINE_multi_string(
  "vary",
  [],
  "A field and its values: 'Adam.learning_rate = [1e-4, 1e-3]', or "
  "uniform(0.1, 0.9), loguniform(1e-5, 1e-2), int(1, 8), choice('relu', "
  "'tanh') in place of the list, for a search.",
)
_NUM_SEEDS = flags.DEFINE_integer(
  "num_seeds", 1, "Seeds 0 to this - 1 of each trial.", lower_bound=1
)
_NUM_TRIALS = flags.DEFINE_integer(
  "num_trials",
  None,
  "Search, with so many trials; by default, every combination of the listed "
  "values is run.",
  lower_bound=1,
  upper_bound=_MOST_TRIALS,
)
_AT_ONCE = flags.DEFINE_integer(
  "at_once", 1, "How many runs at a time.", lower_bound=1
)
_SAMPLER = flags.DEFINE_enum(
  "sampler", "tpe", search.SAMPLERS, "Optuna's sampler, of a search."
)
_PRUNER = flags.DEFINE_enum(
  "pruner",
  "median",
  search.PRUNERS,
  "Optuna's pruner, of a search: it ends trials that do worse than others did "
  "after as many env steps.",
)
_ADDRESS = flags.DEFINE_string(
  "address",
  "",
  "The Ray cluster to run on: 'auto' or 'host:port'. By default, runs are "
  "processes of this machine.",
)
help_config.define()


def main() -> int:
  """Runs the sweep, and returns the exit code."""
  if not _ROOT_DIR.value:
    raise errors.UserError("--root_dir='': expected a folder")
  root = paths.from_text("--root_dir", _ROOT_DIR.value).absolute()
  paths.check_no_glob("--root_dir", root)
  varied = parameters.parse(_VARY.value)
  trials = _checked_trials(varied)
  stop_signals = signals.StopSignals(report=command_line.report)
  folder = sweep_folder.SweepFolder(root)
  experiment = experiment_flags.load()
  about = {
    "experiment": gin_files.to_text(experiment),
    "vary": _VARY.value,
    "is_search": _NUM_TRIALS.value is not None,
    "num_trials": len(trials) if trials else _NUM_TRIALS.value,
    "num_seeds": _NUM_SEEDS.value,
  }
  may_grow = {"num_trials"} if _NUM_TRIALS.value else {"num_seeds"}
  executor = _executor(experiment, folder)
  with lock.exclusive(root):
    folder.begin(about, may_grow)
    source = _source(varied, trials, folder)
    completed = _run(source, executor, folder, stop_signals)
    best = summary.write(folder, source.runs)
    if begun := _begun(source):
      page.try_write(begun, folder.report, command_line.report)
  return _report_end(source, folder, best, completed, stop_signals)


def _checked_trials(
  varied: Sequence[parameters.Parameter],
) -> list[parameters.Settings]:
  """The trials of a grid; [] for a search.

  Every trial, and every bound of a search, is checked to be an experiment.

  Raises:
    UserError: a trial or a bound is no experiment, or there are too many
      trials.
  """
  if not varied and _NUM_TRIALS.value is not None:
    raise errors.UserError(
      f"--num_trials={_NUM_TRIALS.value}: expected --vary, such as "
      '--vary="Adam.learning_rate = loguniform(1e-5, 1e-2)"'
    )
  if not varied and _NUM_SEEDS.value == 1:
    raise errors.UserError(
      'expected --vary, such as --vary="Adam.learning_rate = [1e-4, 1e-3]", or '
      "--num_seeds above 1"
    )
  if _SEED in {parameter.name for parameter in varied}:
    raise errors.UserError(
      f"--vary of {_SEED}: expected --num_seeds, which runs every trial with "
      "seeds 0, 1 and so on"
    )
  trials: list[parameters.Settings] = []
  if _NUM_TRIALS.value is None:
    for parameter in varied:
      if not parameter.is_grid:
        raise errors.UserError(
          f"--vary of {parameter.name}: expected a list, or --num_trials to "
          "search a distribution"
        )
    num_trials = parameters.num_combinations(varied)
    if num_trials > _MOST_TRIALS:
      raise errors.UserError(
        f"{num_trials:,} combinations of --vary: expected at most "
        f"{_MOST_TRIALS:,}; --num_trials searches among them"
      )
    trials = parameters.grid(varied)
  for settings in trials or parameters.corners(varied):
    bindings = [f"{name} = {text}" for name, text in settings.items()]
    experiment_flags.load(bindings, report=lambda line: None)
  return trials


def _source(
  varied: Sequence[parameters.Parameter],
  trials: list[parameters.Settings],
  folder: sweep_folder.SweepFolder,
) -> planned.Source:
  if _NUM_TRIALS.value is None:
    return grid.Grid(trials, _NUM_SEEDS.value, folder)
  return search.Search(
    varied,
    _NUM_TRIALS.value,
    _NUM_SEEDS.value,
    _SAMPLER.value,
    search.open_study(folder, _PRUNER.value),
    folder,
  )


def _executor(
  experiment: schema.Experiment, folder: sweep_folder.SweepFolder
) -> processes.Executor:
  """What runs the trials: processes of this machine, or of a cluster."""
  arguments = experiment_flags.as_arguments()
  if not _ADDRESS.value:
    return processes.Processes(arguments)
  return ray_actors.RayActors(
    arguments,
    folder.root,
    _ADDRESS.value,
    experiment.environment.vectorization,
  )


def _run(
  source: planned.Source,
  executor: processes.Executor,
  folder: sweep_folder.SweepFolder,
  stop_signals: signals.StopSignals,
) -> bool:
  """Runs what is left of a sweep; returns whether all of it was run."""
  shown: table.Live | table.Lines = table.Lines(source, command_line.report)
  if sys.stderr.isatty():
    shown = table.Live(source)
  failed: list[str] = []
  written: list[str] = []

  def update() -> None:
    shown.update()
    states = [state for _, state in source.runs.values()]
    if states != written:
      summary.write(folder, source.runs)
      written[:] = states

  with shown:
    completed = schedule.run(
      source,
      executor,
      _AT_ONCE.value,
      update=update,
      report=failed.append,
      wants_to_stop=lambda: bool(stop_signals.received),
    )
  for line in failed:
    command_line.report(line)
  return completed


def _begun(source: planned.Source) -> list[run_folder.RunFolder]:
  """The folders of all runs that have started."""
  return [run.folder for run, _ in source.runs.values() if run.folder.has_run]


def _report_end(
  source: planned.Source,
  folder: sweep_folder.SweepFolder,
  best: int | None,
  completed: bool,
  stop_signals: signals.StopSignals,
) -> int:
  """Says what was found, and returns the exit code."""
  states = [state for _, state in source.runs.values()]
  num_ended = len(states) - sum(
    state in (planned.WAITING, planned.RUNNING) for state in states
  )
  if not completed:
    command_line.report(
      f"saved with {num_ended} of {len(states)} runs done; the same command "
      "resumes"
    )
    return stop_signals.exit_code
  if best is not None:
    runs = summary.by_trial(source.runs)[best]
    command_line.print_result(
      f"best trial {best}: {runs[0][0].description}, interquartile mean "
      f"{summary.value_of(runs):.1f} over {page.count(len(runs), 'seed')}"
    )
    root = paths.from_text("--root_dir", _ROOT_DIR.value)  # as it was typed
    for path, what in (
      (folder.best, "its configuration"),
      (folder.report, "all runs on one page"),
    ):
      command_line.report(f"  {root / path.name}  {what}")
  num_failed = states.count(planned.FAILED)
  if num_failed:
    command_line.report(f"{num_failed} of {len(states)} runs failed")
    return command_line.FAILED
  return command_line.DONE


if __name__ == "__main__":
  command_line.run(main)
