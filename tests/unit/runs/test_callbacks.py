"""When callbacks are due."""

import numpy as np
import pytest
import small_runs

from agents_pipeline import errors
from agents_pipeline.evaluation import evaluator
from agents_pipeline.runs import callbacks


def test_a_period_has_passed_at_or_beyond_its_multiples():
  period = callbacks.Period(10, start=25)
  passed = {now: period.has_passed(now) for now in (25, 29, 30, 39, 61, 69, 70)}
  assert [now for now, has_passed in passed.items() if has_passed] == [
    30, 61, 70  # once, however many were passed
  ]  # fmt: skip


NEVER = "EvaluationConfig.period_env_steps = None"


def test_without_evaluations_the_newest_policy_is_exported(
  make_experiment, tmp_path, monkeypatch
):
  evaluated = small_runs.train(make_experiment(), tmp_path / "run")
  assert evaluated.completed
  monkeypatch.setattr(evaluator, "evaluate", None)  # nothing is evaluated
  ended_with = []

  def finish(run):
    network, best = run.pipeline.network, run.pipeline.best
    ended_with.append(int(best.env_steps))
    for ours, theirs in zip(
      best.network.variables, network.variables, strict=True
    ):
      np.testing.assert_array_equal(ours, theirs)
    return run.counters()

  # Longer, with evaluations no more: what was best before is not exported.
  longer = make_experiment(NEVER, "TrainingConfig.num_env_steps = 400")
  outcome = small_runs.train(longer, tmp_path / "run", finish=finish)
  assert outcome.completed and ended_with == [400]
  *rows, last = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
  assert len(rows) > 3 and last.endswith(",,")  # the evaluation's two columns


def test_a_goal_that_evaluations_decide_needs_them(make_experiment):
  with pytest.raises(errors.UserError, match="there is no evaluation while"):
    make_experiment(
      NEVER,
      "TrainingConfig.stop = @OnEvaluation()",
      "OnEvaluation.min_mean_return = 100",
    )
