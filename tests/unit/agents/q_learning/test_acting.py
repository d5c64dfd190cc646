"""That collectors compute what the network does, and how they explore."""

import nested_task
import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.agents import task as task_lib
from agents_pipeline.agents.c51 import config as c51_config
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import acting, pipeline
from agents_pipeline.config import gin_files
from agents_pipeline.config.encoders import ACTION_MASK


def task_of(name, *bindings):
  return task_lib.task_of(
    gin_files.load_experiment(
      [],
      [
        "Experiment.agent = @DqnConfig()",
        "TrainingConfig.num_env_steps = 5000",
        f"EnvironmentConfig.name = '{name}'",
        *bindings,
      ],
    )
  )


def drawn(network, seed=0):
  """Weights of which none is 0, and the same in a network."""
  rng = np.random.default_rng(seed)
  weights = [rng.uniform(0.1, 1, v.shape) for v in network.variables]
  for variable, value in zip(network.variables, weights, strict=True):
    variable.assign(value)
  return [variable.numpy() for variable in network.variables]


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("dueling", [False, True])
def test_numpy_computes_the_network(activation, dueling):
  config = dqn_config.DqnConfig(
    hidden_layers=(5, 3), activation=activation, dueling=dueling
  )
  network = pipeline.make_network(config, task_of("Acrobot-v1"), seed=0)
  q = acting.MlpQ(activation, dueling)
  q.set_weights(drawn(network))
  observation = np.linspace(-1, 1, 6)
  expected, _ = network(tf.constant(observation[None], tf.float32))
  np.testing.assert_allclose(q(observation), expected[0], rtol=1e-5)


def test_tensorflow_computes_whatever_there_is():
  config = c51_config.C51Config(
    conv_layers=((2, 3, 1),),
    hidden_layers=(4,),
    v_min=-1.0,
    v_max=1.0,
    normalize_observations=True,
    batch_normalization=True,
  )
  task = task_of(
    nested_task.NAME, "EnvironmentConfig.action_mask = 'info'"
  )  # numbers from 3, actions from 5, of which the last is forbidden
  network = pipeline.make_network(config, task, seed=1)
  q = acting.NetworkQ(config, task)
  q.set_weights(drawn(network))
  observation = {
    "action_mask": np.array([1, 1, 0], np.int8),
    "observation/picture": np.full((6, 6, 1), 255, np.uint8),
    "observation/place/number": np.int64(4),
    "observation/vector": np.array([0.5, -1.0]),
  }
  expected, _ = network(
    {
      name: tf.constant(
        [observation[name] - (3 if "number" in name else 0)], spec.dtype
      )
      for name, spec in task.observation_spec.items()
    }
  )
  found = q(observation)
  np.testing.assert_allclose(found, expected[0], rtol=1e-5)
  assert found[2] == tf.float32.min


class PrefersLast:
  """q of an observation: the last action is the best."""

  def set_weights(self, weights):
    assert weights == ["weights"]

  def __call__(self, observation):
    return np.array([0.0, 1.0, 2.0])


def actions(epsilon, copies, *, alpha=0.0, number=0, steps=400, num_envs=4):
  """The actions [n, K] of copies in a chunk."""
  policy = acting.EpsilonGreedy(PrefersLast, 3, num_envs, 7, alpha)
  policy.prepare()
  request = [np.full(steps, epsilon), "weights"]
  policy.begin_chunk(request, number, copies, steps)
  return np.array(
    [
      [policy.action(np.zeros(2), place, k) for k in range(steps)]
      for place in range(len(copies))
    ]
  )


def test_epsilon_zero_is_greedy_and_one_is_uniform():
  assert (actions(0.0, range(4)) == 2).all()
  counts = np.bincount(actions(1.0, range(4)).ravel(), minlength=3)
  assert counts.min() > 480 and counts.max() < 590  # 533 each


def test_what_a_copy_draws_does_not_depend_on_who_shares_its_actor():
  together = actions(0.5, range(4))
  apart = [actions(0.5, range(i, i + 1))[0] for i in range(4)]
  np.testing.assert_array_equal(together, apart)
  assert len({row.tobytes() for row in together}) == 4
  assert (actions(0.5, range(4), number=1) != together).any()


def test_environments_explore_by_the_exponents_of_ape_x():
  # 0.4 ** (1 + 7 * i / 3), for i of 0 to 3; a third of these is greedy too.
  explored = (actions(0.4, range(4), alpha=7.0, steps=3000) != 2).mean(axis=1)
  expected = 2 / 3 * np.array([0.4, 0.04717, 0.005562, 0.00065536])
  np.testing.assert_allclose(explored, expected, atol=0.02)
  only = actions(0.4, range(1), alpha=7.0, num_envs=1, steps=3000)
  assert (only != 2).mean() == pytest.approx(2 / 3 * 0.4, abs=0.02)


def test_random_actions_are_allowed():
  policy = acting.EpsilonGreedy(PrefersLast, 3, 1, 0)
  policy.prepare()
  policy.begin_chunk([np.ones(200), "weights"], 0, range(1), 200)
  seen = lambda mask: {
    policy.action({ACTION_MASK: np.array(mask)}, 0, k) for k in range(200)
  }
  assert seen([1, 0, 1]) == {0, 2}
  assert seen([0, 0, 0]) == {0, 1, 2}  # nothing is said
