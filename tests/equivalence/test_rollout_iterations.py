"""A2C's compiled iteration: eager = graph = XLA, seeds, tensor and Python."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.agents import building
from agents_pipeline.config import seeding

pytestmark = pytest.mark.slow
BACKENDS = pytest.mark.parametrize("backend", ["tensor", "gymnasium"])


def build(experiment, seed=0, jit=False):
  """A pipeline, with its iteration left a graph: XLA takes seconds."""
  return building.build(experiment, seeding.Seeds(seed), jit=jit)


def run(pipeline, *counts):
  """Trains these counts of iterations; what that leaves behind."""
  sums = [
    pipeline.compiled.train(tf.constant(n)).sums.numpy().tolist()
    for n in counts
  ]
  found = {
    "losses": [s[0] for s in sums],
    "weights": [v.numpy() for v in pipeline.network.variables],
    "env_steps": int(pipeline.statistics.env_steps),
    "episodes": int(pipeline.statistics.num_episodes),
    "train_steps": int(pipeline.train_steps),
  }
  pipeline.close()
  return found


def assert_same(one, other):
  tf.nest.map_structure(np.testing.assert_array_equal, one, other)


@BACKENDS
def test_eager_equals_graph_equals_xla(make_a2c_experiment, backend):
  experiment = make_a2c_experiment(
    f"EnvironmentConfig.backend = '{backend}'",
    "EnvironmentConfig.name = 'Pendulum-v1'",
    "A2cConfig.normalize_observations = True",
    "A2cConfig.normalize_rewards = True",
    # Otherwise tiny gradients' rounding becomes whole steps.
    "A2cConfig.optimizer = @RmsProp()",
    "RmsProp.epsilon = 1.0",
  )
  graph = run(build(experiment), 5)
  tf.config.run_functions_eagerly(True)
  try:
    eager = run(build(experiment), 5)
  finally:
    tf.config.run_functions_eagerly(False)
  xla = run(build(experiment, jit=True), 5)
  for other in (graph, eager):
    assert (other["env_steps"], other["train_steps"]) == (2 * 5 * 5, 5)
    assert other["losses"] == pytest.approx(xla["losses"], rel=1e-4)
    for ours, theirs in zip(other["weights"], xla["weights"], strict=True):
      np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@BACKENDS
def test_one_seed_gives_one_sequence_in_any_number_of_calls(
  make_a2c_experiment, backend
):
  experiment = make_a2c_experiment(f"EnvironmentConfig.backend = '{backend}'")
  jit = backend == "tensor"
  first = run(build(experiment, seed=1, jit=jit), 30)
  parts = run(build(experiment, seed=1, jit=jit), 7, 22, 1)
  assert first["losses"][0] == pytest.approx(sum(parts["losses"]), rel=1e-5)
  assert_same(first | {"losses": 0}, parts | {"losses": 0})
  other = run(build(experiment, seed=2, jit=jit), 30)
  assert np.any(first["weights"][0] != other["weights"][0])
  assert first["losses"] != other["losses"]
  assert first["episodes"] > 2


def test_another_count_does_not_recompile(make_a2c_experiment):
  pipeline = build(make_a2c_experiment(), jit=True)
  run(pipeline, 3, 5, 9)
  assert pipeline.compiled.train.experimental_get_tracing_count() == 1


def test_each_child_seed_reaches_its_consumer(make_a2c_experiment, monkeypatch):
  experiment = make_a2c_experiment()
  plain = run(build(experiment), 3)
  for name in ("network", "exploration", "environment"):
    with monkeypatch.context() as patch:
      patch.setattr(seeding.Seeds, name, property(lambda self: 12345))
      assert run(build(experiment), 3)["losses"] != plain["losses"], name


def test_a_vector_environment_that_resets_by_itself(make_a2c_experiment):
  """NEXT_STEP: the steps that reset are neither counted nor learned from."""
  pipeline = build(
    make_a2c_experiment(
      "EnvironmentConfig.backend = 'gymnasium'",
      "EnvironmentConfig.vectorization = 'vector_entry_point'",
    )
  )
  found = run(pipeline, 30)
  assert found["episodes"] > 5
  # Every ended episode costs its copy one step, but for the newest maybe.
  assert 0 <= found["env_steps"] + found["episodes"] - 2 * 5 * 30 <= 2


def test_divergence_stops_within_the_call(make_a2c_experiment):
  pipeline = build(
    make_a2c_experiment(
      "A2cConfig.optimizer = @Adam()",
      "Adam.learning_rate = 1e30",
      "A2cConfig.gradient_clip_global_norm = None",
    ),
    jit=True,
  )
  totals = pipeline.compiled.train(tf.constant(1000))
  assert bool(totals.diverged)
  assert int(totals.num_train_steps) < 1000


@BACKENDS
def test_success_stops_within_the_call(make_a2c_experiment, backend):
  pipeline = build(
    make_a2c_experiment(
      f"EnvironmentConfig.backend = '{backend}'",
      "TrainingConfig.stop = @OnLastEpisodes()",
      "OnLastEpisodes.min_episode_return = 5",
    ),
    jit=backend == "tensor",
  )
  assert not bool(pipeline.should_stop())
  totals = pipeline.compiled.train(tf.constant(1000))
  assert bool(pipeline.should_stop())
  assert 1 < int(totals.num_train_steps) < 100
  assert bool(pipeline.statistics.last_episodes_reached(5.0))


@BACKENDS
def test_learning_is_from_shaped_rewards(make_a2c_experiment, backend):
  """Shaped to 0 at every step, the value of a cart that stands is 0."""
  found = {}
  for reward in ("Keep", "Success"):
    pipeline = build(
      make_a2c_experiment(
        f"EnvironmentConfig.backend = '{backend}'",
        f"EnvironmentConfig.reward = @{reward}Reward()",
        *["SuccessReward.min_episode_return = 1000"] * (reward == "Success"),
        "TrainingConfig.log_period_env_steps = 10_000",
        "A2cConfig.gamma = 0.0",
        "A2cConfig.optimizer = @Adam()",
        "Adam.learning_rate = 0.01",
      )
    )
    pipeline.compiled.train(tf.constant(400))
    served = pipeline.serve(pipeline.network).serve(tf.zeros((1, 4)))
    found[reward] = float(served["value"][0])
    assert pipeline.statistics.ended().returns.sum() > 1000  # not shaped
    pipeline.close()
  assert found["Keep"] == pytest.approx(1.0, abs=0.2)
  assert found["Success"] == pytest.approx(0.0, abs=0.2)


def test_what_cannot_be_played_again_is_forgotten(make_a2c_experiment):
  pipeline = build(
    make_a2c_experiment(
      "EnvironmentConfig.backend = 'gymnasium'",
      "A2cConfig.normalize_rewards = True",
    )
  )
  pipeline.compiled.train(tf.constant(1))
  normalizer = pipeline.tracked["agent"]._reward_normalizer
  assert normalizer._return.numpy().any()
  # As where a vector environment resets by itself: no actions are known.
  pipeline.tracked["environment"].deserialize('{"episodes": [0, 0]}')
  pipeline.resume()
  assert not normalizer._return.numpy().any()
  pipeline.close()


def test_hundreds_of_steps_compile_in_seconds(make_a2c_experiment):
  long = make_a2c_experiment("A2cConfig.num_rollout_steps = 500")
  pipeline = build(long, jit=True)
  found = run(pipeline, 2)
  assert found["env_steps"] == 2 * 500 * 2
  assert np.isfinite(found["losses"]).all()
