"""Schedules of learning rates, beside numbers worked out by hand."""

import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.agents import building, learning_rates, optimizers
from agents_pipeline.config import seeding


def rates(schedule, train_steps):
  made = schedule.make()
  return [float(made(step)) for step in train_steps]


def test_linear():
  schedule = learning_rates.LinearLearningRate(0.4, 0.1, 300)
  found = rates(schedule, (0, 100, 150, 300, 1000))
  np.testing.assert_allclose(found, [0.4, 0.3, 0.25, 0.1, 0.1], rtol=1e-6)


def test_cosine():
  """(1 + cos(pi t)) / 2 is 1, 3/4, 1/2, 1/4 and 0 at 0, 1/3, 1/2, 2/3, 1."""
  schedule = learning_rates.CosineLearningRate(0.5, 0.1, 300)
  found = rates(schedule, (0, 100, 150, 200, 300, 1000))
  np.testing.assert_allclose(found, [0.5, 0.4, 0.3, 0.2, 0.1, 0.1], rtol=1e-5)


def test_piecewise():
  schedule = learning_rates.PiecewiseLearningRate(
    (0.3, 0.2, 0.1), (0.5, 0.75), 100
  )
  found = rates(schedule, (0, 49, 50, 74, 75, 1000))
  np.testing.assert_allclose(found, [0.3, 0.3, 0.2, 0.2, 0.1, 0.1], rtol=1e-6)


@pytest.mark.parametrize(
  ("fields", "expected"),
  [
    (
      {"values": (0.1, 0.2, 0.3)},
      "PiecewiseLearningRate.values = (0.1, 0.2, 0.3) and .boundaries = "
      "(0.5,): expected one more value than boundaries",
    ),
    (
      {"values": (1, 2, 3), "boundaries": (0.5, 0.5)},
      "PiecewiseLearningRate.boundaries = (0.5, 0.5): expected each greater "
      "than the one before it",
    ),
    (
      {"boundaries": (1000,)},
      "PiecewiseLearningRate.boundaries = (1000,): expected a tuple, of each "
      "a number in (0, 1)",
    ),
    (
      {"values": 0.1},
      "PiecewiseLearningRate.values = 0.1: expected a tuple, of each a number "
      "above 0",
    ),
  ],
)
def test_pieces_that_do_not_fit_are_one_line(fields, expected):
  with pytest.raises(errors.UserError) as caught:
    learning_rates.PiecewiseLearningRate(**fields)
  assert str(caught.value).splitlines()[0] == expected  # gin adds another


def trained(experiment):
  """A run to its end: train steps, and the learning rate then."""
  pipeline = building.build(experiment, seeding.Seeds(0))
  for _ in pipeline.run():
    pipeline.interval.end(pipeline.statistics)
  pipeline.close()
  return int(pipeline.train_steps), pipeline.schedules["learning_rate"]()


@pytest.mark.slow
@pytest.mark.usefixtures("iterations_as_graphs")
def test_a_schedule_is_as_long_as_the_run(make_experiment, make_a2c_experiment):
  """Its end is reached at the last train step, for every agent."""
  linear = ("Adam.learning_rate = @LinearLearningRate()",)
  for experiment in (
    # 53 iterations of 4 env steps; the first 13, with 50 and more, do not
    # train.
    make_experiment(
      *linear,
      "TrainingConfig.num_env_steps = 210",
      "DqnConfig.num_env_steps_before_training = 50",
      "DqnConfig.num_collect_steps_per_iteration = 2",
      "DqnConfig.num_train_steps_per_iteration = 3",
      "EnvironmentConfig.num_envs = 2",
    ),
    make_a2c_experiment(
      *linear,
      "A2cConfig.optimizer = @Adam()",
      "TrainingConfig.num_env_steps = 1_194",  # 120 rollouts of 5 * 2
      "A2cConfig.num_rollout_steps = 5",
      "EnvironmentConfig.num_envs = 2",
    ),
  ):
    assert experiment.num_train_steps == 120
    train_steps, rate = trained(experiment)
    assert (train_steps, rate) == (120, pytest.approx(0.0, abs=1e-9))
    # What is saved has no length: a longer run has another.
    assert experiment.agent.optimizer.learning_rate.num_train_steps is None


def test_a_run_whose_length_nobody_knows_needs_a_number(make_experiment):
  bindings = (
    "Adam.learning_rate = @CosineLearningRate()",
    "DqnConfig.num_collect_episodes_per_iteration = 2",
  )
  with pytest.raises(errors.UserError) as caught:
    building.build(make_experiment(*bindings), seeding.Seeds(0))
  assert str(caught.value) == (
    "CosineLearningRate.num_train_steps = None: nobody knows how many there "
    "will be with DqnConfig.num_collect_episodes_per_iteration = 2; expected "
    "a number"
  )
  bound = make_experiment(*bindings, "CosineLearningRate.num_train_steps = 9")
  building.build(bound, seeding.Seeds(0)).close()


def test_a_number_stays_out_of_the_metrics_of_dqn(make_experiment):
  pipeline = building.build(make_experiment(), seeding.Seeds(0))
  assert [*pipeline.schedules] == ["epsilon"]
  pipeline.close()


def test_a_rate_that_falls_is_what_is_applied(compiled):
  """Steps of gradient 1 by SGD are the learning rates."""
  import tensorflow as tf

  rate = learning_rates.CosineLearningRate(0.4, 0.0, 3)
  weight = tf.Variable([0.0])
  made = optimizers.Sgd(rate).make([weight], None, None)
  apply = compiled(lambda g: made.apply_gradients([(g, weight)]))
  found = []
  for _ in range(4):
    before = float(weight[0])
    apply(tf.constant([1.0]))
    found.append(before - float(weight[0]))
  np.testing.assert_allclose(found, [0.4, 0.3, 0.1, 0.0], atol=1e-6)
