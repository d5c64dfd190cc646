"""A search: what is asked of Optuna, and what it is told."""

import pytest
from optuna.trial import TrialState

from agents_pipeline.runs import run_record
from agents_pipeline.sweeps import parameters, planned, search, sweep_folder

VARIED = parameters.parse(
  ["Adam.learning_rate = loguniform(1e-5, 1e-2)", "DqnConfig.n_step = [1, 3]"]
)


def open_search(tmp_path, num_trials=3, num_seeds=2, pruner="none"):
  tmp_path.mkdir(exist_ok=True)
  folder = sweep_folder.SweepFolder(tmp_path)
  study = search.open_study(folder, pruner)
  source = search.Search(VARIED, num_trials, num_seeds, "tpe", study, folder)
  return source, study


def finish(source, run, mean_return):
  record = {"starts": [], "outcome": "finished", "mean_return": mean_return}
  run_record.write_json(run.folder.run_record, record)
  source.ended(run, planned.FINISHED)


def test_a_trial_is_worth_the_interquartile_mean_of_its_seeds(tmp_path):
  source, study = open_search(tmp_path, num_trials=1, num_seeds=4)
  for mean_return in (0.0, 10.0, 20.0, 99.0):
    finish(source, source.next(), mean_return)
  assert source.next() is None
  (trial,) = study.get_trials()
  assert (trial.state, trial.value) == (TrialState.COMPLETE, 15.0)


def test_a_search_that_was_killed_goes_on_with_the_same_trials(tmp_path):
  source, _ = open_search(tmp_path)
  first = source.next()
  finish(source, first, 1.0)
  second = source.next()  # the second seed, under way when killed
  other = source.next()  # and another trial
  assert (second.trial, second.seed, other.trial) == (0, 1, 1)
  again, study = open_search(tmp_path)
  states = {key: state for key, (_, state) in again.runs.items()}
  assert states == {
    (0, 0): planned.FINISHED,
    (0, 1): planned.WAITING,
    (1, 0): planned.WAITING,
    (1, 1): planned.WAITING,
  }
  resumed = again.next()
  assert (resumed.trial, resumed.seed) == (0, 1)
  assert resumed.settings == first.settings
  finish(again, resumed, 3.0)
  assert study.get_trials()[0].value == 2.0
  assert again.next().settings == other.settings


def test_a_search_that_was_killed_while_it_asked_draws_the_rest(tmp_path):
  _, study = open_search(tmp_path, num_trials=1, num_seeds=1)
  rate, _ = VARIED
  asked = study.ask({rate.name: rate.distribution})  # killed before n_step
  again, _ = open_search(tmp_path, num_trials=1, num_seeds=1)
  run = again.next()
  assert run.settings[rate.name] == repr(asked.params[rate.name])
  assert run.settings["DqnConfig.n_step"] in ("1", "3")
  assert again.next() is None


def test_a_trial_depends_on_its_number_not_on_restarts(tmp_path):
  whole, _ = open_search(tmp_path / "whole", num_seeds=1)
  wanted = []
  for value in (1.0, 2.0, 3.0):
    run = whole.next()
    wanted.append(run.settings)
    finish(whole, run, value)
  assert len({run["Adam.learning_rate"] for run in wanted}) == 3
  found = []
  for value in (1.0, 2.0, 3.0):
    source, _ = open_search(tmp_path / "parts", num_seeds=1)
    run = source.next()
    found.append(run.settings)
    finish(source, run, value)
  assert found == wanted


def test_a_trial_that_fails_has_no_value_and_no_more_seeds(tmp_path):
  source, study = open_search(tmp_path, num_trials=1)
  source.ended(source.next(), planned.FAILED)
  assert source.next() is None
  (trial,) = study.get_trials()
  assert trial.state == TrialState.FAIL
  assert {state for _, state in source.runs.values()} == {planned.FAILED}


@pytest.mark.parametrize("is_bad", [True, False])
def test_a_trial_below_the_median_of_others_is_pruned(tmp_path, is_bad):
  source, study = open_search(
    tmp_path, num_trials=6, num_seeds=1, pruner="median"
  )
  write = lambda run, value: (
    run.folder.root.mkdir(parents=True, exist_ok=True),
    run.folder.metrics.write_text(
      f"env_steps,evaluation_return\n0,{value}\n100,{value}\n"
    ),
  )
  for value in range(5):
    run = source.next()
    write(run, 10.0 + value)
    assert not source.should_stop(run)
    assert not source.should_stop(run)  # nothing new
    finish(source, run, 10.0 + value)
  run = source.next()
  write(run, 11.0 if is_bad else 13.0)
  assert source.should_stop(run) == is_bad
  if is_bad:
    source.ended(run, planned.PRUNED)
    assert study.get_trials()[-1].state == TrialState.PRUNED
    again, _ = open_search(tmp_path, num_trials=6, num_seeds=1)
    assert again.next() is None  # it is not tried again
