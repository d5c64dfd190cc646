"""What is run when, with runs that take no time."""

import pytest

from agents_pipeline.files import run_folder
from agents_pipeline.runs import run_record
from agents_pipeline.sweeps import grid, planned, schedule, sweep_folder


class Job:
  """Ends at the second look, with an exit code."""

  def __init__(self, code, finish):
    self._codes = [None, code]
    self._finish = finish

  def exit_code(self):
    code = self._codes.pop(0) if len(self._codes) > 1 else self._codes[0]
    if code == 0:
      self._finish()
    return code

  def stop(self):
    self._codes = [143]

  def last_line(self):
    return "it diverged"


class Executor:
  """Makes jobs whose exit codes are known beforehand."""

  def __init__(self, codes=None):
    self._codes = codes or {}
    self.started = []

  def start(self, run):
    self.started.append((run.trial, run.seed))
    codes = self._codes.get((run.trial, run.seed), [0])
    code = codes.pop(0) if codes else 0
    return Job(code, lambda: finish(run, 10.0 * run.trial + run.seed))


def finish(run, mean_return):
  record = {"starts": [], "outcome": "finished", "mean_return": mean_return}
  run_record.write_json(run.folder.run_record, record)


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
  monkeypatch.setattr(schedule, "_POLL_SECONDS", 0.0)


def run_grid(tmp_path, executor, *, at_once=2, wants_to_stop=lambda: False):
  folder = sweep_folder.SweepFolder(tmp_path)
  source = grid.Grid([{"A.b": "1"}, {"A.b": "2"}], 2, folder)
  told = []
  completed = schedule.run(
    source, executor, at_once, update=lambda: None, report=told.append,
    wants_to_stop=wants_to_stop,
  )  # fmt: skip
  states = {key: state for key, (_, state) in source.runs.items()}
  return completed, states, told


def test_every_trial_is_run_with_its_first_seed_first(tmp_path):
  executor = Executor()
  completed, states, told = run_grid(tmp_path, executor)
  assert completed and not told
  assert executor.started == [(0, 0), (1, 0), (0, 1), (1, 1)]
  assert set(states.values()) == {planned.FINISHED}


def test_what_is_finished_is_not_run_again(tmp_path):
  run_grid(tmp_path, Executor())
  again = Executor()
  completed, states, _ = run_grid(tmp_path, again)
  assert completed and again.started == []
  assert set(states.values()) == {planned.FINISHED}


def test_a_run_that_fails_is_told_and_the_others_go_on(tmp_path):
  executor = Executor({(1, 0): [1]})
  completed, states, told = run_grid(tmp_path, executor)
  assert completed
  assert states[1, 0] == planned.FAILED
  assert list(states.values()).count(planned.FINISHED) == 3
  assert told == ["trial 1, seed 0 failed: it diverged"]
  retried = Executor()
  run_grid(tmp_path, retried)  # the same command tries it again
  assert retried.started == [(1, 0)]


def test_a_process_that_was_killed_is_started_again_three_times(tmp_path):
  executor = Executor({(0, 0): [-9, 143], (1, 1): [-9, -9, -9, -9]})
  _, states, told = run_grid(tmp_path, executor, at_once=1)
  assert executor.started.count((0, 0)) == 3
  assert executor.started.count((1, 1)) == 4
  assert states[0, 0] == planned.FINISHED
  assert states[1, 1] == planned.FAILED
  assert len(told) == 1


def test_a_stop_saves_what_is_under_way(tmp_path):
  looks = iter([False, True])
  executor = Executor()
  completed, states, told = run_grid(
    tmp_path, executor, wants_to_stop=lambda: next(looks)
  )
  assert not completed and not told
  assert executor.started == [(0, 0), (1, 0)]
  assert planned.FINISHED not in states.values()


def test_a_run_without_a_future_is_stopped(tmp_path):
  class Pruning(grid.Grid):
    def should_stop(self, run):
      return run.trial == 1

  folder = sweep_folder.SweepFolder(tmp_path)
  source = Pruning([{"A.b": "1"}, {"A.b": "2"}], 1, folder)
  schedule.run(
    source, Executor(), 2, update=lambda: None, report=print,
    wants_to_stop=lambda: False,
  )  # fmt: skip
  assert [state for _, state in source.runs.values()] == [
    planned.FINISHED,
    planned.PRUNED,
  ]


def test_a_run_has_a_result_only_when_it_is_finished(tmp_path):
  run = planned.PlannedRun(0, 0, {}, run_folder.RunFolder(tmp_path / "run"))
  assert (run.result, run.evaluations, run.env_steps) == (None, [], 0)
  stopped = {"starts": [], "outcome": "stopped", "mean_return": 3.0}
  run_record.write_json(run.folder.run_record, stopped)
  assert run.result is None
  finish(run, 4.0)
  assert run.result == 4.0
  run.folder.metrics.write_text(
    "env_steps,evaluation_return\n0,1.5\n50,\n100,2.5\n"
  )
  assert run.evaluations == [(0, 1.5), (100, 2.5)]
  assert run.env_steps == 100


def test_every_run_is_asked_to_stop_before_one_is_waited_for(tmp_path):
  """A job on another machine hears of a stop when it is looked at."""
  asked = []

  class Slow(Job):
    def __init__(self, number):
      super().__init__(143, lambda: None)
      self._number, self._looks = number, 0

    def stop(self):
      pass

    def exit_code(self):
      self._looks += 1
      asked.append(self._number)
      return 143 if self._looks == 5 else None

  class Slowly(Executor):
    def start(self, run):
      return Slow(2 * run.trial + run.seed)

  run_grid(tmp_path, Slowly(), at_once=4, wants_to_stop=lambda: len(asked) >= 4)
  assert asked[:8] == 2 * [0, 2, 1, 3]
