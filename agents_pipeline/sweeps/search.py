"""A search by Optuna: which trial to run next, and which to end early."""

from collections.abc import Sequence

import numpy as np
import optuna
import sqlalchemy
from optuna.trial import TrialState

from agents_pipeline.config import seeding
from agents_pipeline.evaluation import statistics
from agents_pipeline.sweeps import parameters, planned, sweep_folder

SAMPLERS = ("tpe", "random")
PRUNERS = ("median", "hyperband", "none")
_STUDY = "sweep"


def open_study(
  folder: sweep_folder.SweepFolder, pruner: str
) -> optuna.study.Study:
  """Opens the study in the folder of a sweep, or begins it.

  Args:
    folder: the folder of the sweep.
    pruner: the pruner, one of `PRUNERS`.
  """
  optuna.logging.set_verbosity(optuna.logging.ERROR)
  url = sqlalchemy.URL.create("sqlite", database=str(folder.study))
  return optuna.create_study(
    storage=url.render_as_string(hide_password=False),
    study_name=_STUDY,
    direction="maximize",
    load_if_exists=True,
    pruner={
      "median": optuna.pruners.MedianPruner,
      "hyperband": optuna.pruners.HyperbandPruner,
      "none": optuna.pruners.NopPruner,
    }[pruner](),
  )


def make_sampler(name: str, trial: int) -> optuna.samplers.BaseSampler:
  """Makes the sampler of one trial.

  It is seeded by the number of the trial: a sampler that is seeded once would
  repeat itself after a restart (Optuna's issue 3255).

  Args:
    name: the sampler, one of `SAMPLERS`.
    trial: the number of the trial.
  """
  seed = seeding.child_seed(0, "trial", trial)
  return {
    "tpe": optuna.samplers.TPESampler,
    "random": optuna.samplers.RandomSampler,
  }[name](seed=seed)


class Search:
  """Asks Optuna for trials, each run with every seed; see `planned.Source`.

  What is maximized is the interquartile mean, over seeds, of the mean return of
  the final evaluation. A trial is pruned by the evaluations of its first seed.
  """

  def __init__(
    self,
    varied: Sequence[parameters.Parameter],
    num_trials: int,
    num_seeds: int,
    sampler: str,
    study: optuna.study.Study,
    folder: sweep_folder.SweepFolder,
  ):
    """Goes on with the trials that an earlier start has left unfinished.

    Args:
      varied: the parameters to search.
      num_trials: the number of trials in all.
      num_seeds: the number of seeds of each trial, which are 0 to this - 1.
      sampler: the sampler, one of `SAMPLERS`.
      study: the study that `open_study` returned.
      folder: the folder of the sweep.
    """
    self._varied = list(varied)
    self._num_trials = num_trials
    self._num_seeds = num_seeds
    self._sampler = sampler
    self._study = study
    self._folder = folder
    self._trials: dict[int, optuna.trial.Trial] = {}  # under way
    self._num_reported: dict[int, int] = {}
    self.runs: dict[tuple[int, int], tuple[planned.PlannedRun, str]] = {}
    for frozen in study.get_trials(deepcopy=False):
      if frozen.state == TrialState.RUNNING:
        self._adopt(frozen)
      else:
        self._plan(frozen.number, self._settings(frozen.params))
        self._mark_ended(frozen)

  def next(self) -> planned.PlannedRun | None:
    """See `planned.Source`."""
    if (waiting := self._first_waiting()) is None:
      number = len(self._study.get_trials(deepcopy=False))
      if number >= self._num_trials:
        return None
      self._study.sampler = make_sampler(self._sampler, number)
      trial = self._study.ask({p.name: p.distribution for p in self._varied})
      self._trials[trial.number] = trial
      self._plan(trial.number, self._settings(trial.params))
      waiting = self._first_waiting()
      assert waiting is not None
    self._set(waiting, planned.RUNNING)
    return waiting

  def should_stop(self, run: planned.PlannedRun) -> bool:
    """Whether Optuna's pruner gives up the trial; its first seed decides."""
    if run.seed or run.trial not in self._trials:
      return False
    trial = self._trials[run.trial]
    reported = self._num_reported.get(run.trial, 0)
    new = run.evaluations[reported:]
    for env_steps, mean_return in new:
      trial.report(mean_return, env_steps)
    self._num_reported[run.trial] = reported + len(new)
    return bool(new) and trial.should_prune()

  def ended(self, run: planned.PlannedRun, state: str) -> None:
    """See `planned.Source`; after its last seed, a trial has a value."""
    self._set(run, state)
    trial = self._trials.get(run.trial)
    if trial is None:
      return
    if state != planned.FINISHED:
      of_state = {
        planned.PRUNED: TrialState.PRUNED,
        planned.FAILED: TrialState.FAIL,
      }
      self._give_up_waiting(run.trial, state)
      self._study.tell(trial, state=of_state[state])
      del self._trials[run.trial]
    elif all(s == planned.FINISHED for _, s in self._of_trial(run.trial)):
      self._tell_value(trial)

  def _tell_value(self, trial: optuna.trial.Trial) -> None:
    results = [run.result for run, _ in self._of_trial(trial.number)]
    value = float(statistics.interquartile_mean(np.array(results)))
    self._study.tell(trial, value)
    del self._trials[trial.number]

  def _plan(self, number: int, settings: parameters.Settings) -> None:
    for seed in range(self._num_seeds):
      folder = self._folder.run(number, seed)
      run = planned.PlannedRun(number, seed, settings, folder)
      self._set(run, planned.WAITING)

  def _adopt(self, frozen: optuna.trial.FrozenTrial) -> None:
    """Goes on with a trial that was under way when the sweep ended."""
    self._study.sampler = make_sampler(self._sampler, frozen.number)
    trial = optuna.trial.Trial(self._study, frozen._trial_id)
    # A start that was killed within `Study.ask` has drawn only some of them.
    for parameter in self._varied:
      trial._suggest(parameter.name, parameter.distribution)
    self._plan(frozen.number, self._settings(trial.params))
    self._trials[frozen.number] = trial
    self._num_reported[frozen.number] = len(frozen.intermediate_values)
    for run, _ in self._of_trial(frozen.number):
      if run.result is not None:
        self._set(run, planned.FINISHED)
    states = [state for _, state in self._of_trial(frozen.number)]
    if all(state == planned.FINISHED for state in states):
      self._tell_value(trial)

  def _mark_ended(self, frozen: optuna.trial.FrozenTrial) -> None:
    states = {
      TrialState.COMPLETE: planned.FINISHED,
      TrialState.PRUNED: planned.PRUNED,
    }
    state = states.get(frozen.state, planned.FAILED)
    for run, _ in self._of_trial(frozen.number):
      is_finished = run.result is not None
      self._set(run, planned.FINISHED if is_finished else state)

  def _give_up_waiting(self, trial: int, state: str) -> None:
    for run, other in self._of_trial(trial):
      if other == planned.WAITING:
        self._set(run, state)

  def _first_waiting(self) -> planned.PlannedRun | None:
    for run, state in self.runs.values():
      if state == planned.WAITING:
        return run
    return None

  def _of_trial(self, trial: int) -> list[tuple[planned.PlannedRun, str]]:
    return [self.runs[trial, seed] for seed in range(self._num_seeds)]

  def _set(self, run: planned.PlannedRun, state: str) -> None:
    self.runs[run.trial, run.seed] = run, state

  def _settings(self, params: dict) -> parameters.Settings:
    return {p.name: p.text_of(params[p.name]) for p in self._varied}
