"""Epsilon's schedules, the policy that explores, and its random numbers."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.dqn import exploration, schedules
from agents_pipeline.ops import random_stream


@pytest.mark.parametrize(
  ("schedule", "points"),
  [
    (schedules.ConstantEpsilon(0.3), {0: 0.3, 10**6: 0.3}),
    (
      # A tenth as many episodes as env steps: 0.5 - 0.495 * 25 / 100
      schedules.LinearEpsilonOverEpisodes(0.5, 0.005, 100),
      {0: 0.5, 259: 0.37625, 1000: 0.005, 10**6: 0.005},
    ),
    (
      schedules.LinearEpsilon(1.0, 0.2, 100),
      {0: 1.0, 25: 0.8, 50: 0.6, 100: 0.2, 101: 0.2, 10**6: 0.2},
    ),
    (
      # 0.05 + 0.85 * exp(-1) = 0.3627
      schedules.ExponentialEpsilon(0.9, 0.05, 1000.0),
      {0: 0.9, 1000: 0.36269775, 10**6: 0.05},
    ),
    (
      # 0.99 ** 100 = 0.3660
      schedules.GeometricEpsilon(1.0, 0.1, 0.99),
      {0: 1.0, 1: 0.99, 100: 0.36603234, 1000: 0.1},
    ),
  ],
)
def test_schedules(schedule, points, compiled):
  at = compiled(lambda n: schedule(n, n // 10))
  for env_steps, expected in points.items():
    found = at(tf.constant(env_steps, tf.int64))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_random_at_first():
  agent = dqn_config.DqnConfig(
    epsilon=schedules.ConstantEpsilon(0.2), num_random_env_steps=10
  )
  at = lambda n: float(
    exploration.epsilon_of(
      agent, tf.constant(n, tf.int64), tf.constant(0, tf.int64)
    )
  )
  assert (at(0), at(9)) == (1.0, 1.0)
  assert at(10) == pytest.approx(0.2)


class AlwaysZero(tf_policy.TFPolicy):
  """Takes action 0 of four."""

  def __init__(self):
    super().__init__(
      ts.time_step_spec(tensor_spec.TensorSpec((1,), tf.float32)),
      tensor_spec.BoundedTensorSpec((), tf.int64, 0, 3),
    )

  def _action(self, time_step, policy_state, seed):
    zeros = tf.zeros((time_step.step_type.shape[0],), tf.int64)
    return policy_step.PolicyStep(zeros, policy_state, ())


def act(epsilon, batch_size, seed=0, compiled=lambda f: f, times=1):
  policy = exploration.EpsilonGreedyPolicy(
    AlwaysZero(),
    lambda: tf.constant(epsilon),
    random_stream.RandomStream(seed),
  )
  time_step = ts.restart(tf.zeros((batch_size, 1)), batch_size)
  action = compiled(lambda t: policy.action(t).action)
  return np.stack([action(time_step).numpy() for _ in range(times)])


def test_epsilon_zero_is_greedy_and_one_is_uniform(compiled):
  assert act(0.0, 1000, compiled=compiled).max() == 0
  counts = np.bincount(act(1.0, 8000, compiled=compiled)[0], minlength=4)
  assert counts.min() > 1850 and counts.max() < 2150


def test_every_environment_draws_for_itself():
  """SB3 draws once for all: then every row would be all zero or all random."""
  taken = act(0.5, 400, times=5) != 0
  # Half explore, and three of four random actions are not 0: 0.375.
  assert np.all(np.abs(taken.mean(axis=1) - 0.375) < 0.1)


def test_seeds_choose_the_actions():
  np.testing.assert_array_equal(act(0.5, 50, seed=1), act(0.5, 50, seed=1))
  assert np.any(act(0.5, 50, seed=1) != act(0.5, 50, seed=2))


def test_random_numbers_are_the_same_every_way(all_ways):
  found = []
  for compiled in all_ways.values():
    stream = random_stream.RandomStream(7)
    draw = compiled(lambda s=stream: (s.uniform((4,)), s.bits((3,))))
    found.append([x.numpy() for _ in range(3) for x in draw()])
  for other in found[1:]:
    for a, b in zip(found[0], other, strict=True):
      np.testing.assert_array_equal(a, b)


def test_random_bits_are_splitmix64(compiled):
  # The generator's published numbers for this seed; their upper halves.
  published = (
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
  )
  stream = random_stream.RandomStream(1234567)
  draw = compiled(lambda: (stream.bits((2,)), stream.bits((3, 1))))
  first, then = draw()
  assert then.shape == (3, 1)
  found = np.concatenate([first, then[:, 0]])
  assert found.tolist() == [number >> 32 for number in published]


def test_a_stream_goes_on_where_it_was_left():
  stream, other = random_stream.RandomStream(3), random_stream.RandomStream(4)
  stream.bits((5,))
  for ours, theirs in zip(other.variables, stream.variables, strict=True):
    ours.assign(theirs)
  np.testing.assert_array_equal(stream.bits((7,)), other.bits((7,)))


def test_random_bits_are_evenly_spread():
  """Each of 32 bits, and how neighbours agree; 5 standard deviations."""
  bits = random_stream.RandomStream(0).bits((40_000,)).numpy()
  digits = (bits[:, None] >> np.arange(32)) & 1  # [N, 32]
  limit = 5 * 0.5 / np.sqrt(len(bits))
  assert np.all(np.abs(digits.mean(axis=0) - 0.5) < limit)
  agreeing = digits[1:] == digits[:-1]
  assert np.all(np.abs(agreeing.mean(axis=0) - 0.5) < limit)
  seeds = [random_stream.RandomStream(s).bits(()).numpy() for s in range(500)]
  assert len(set(seeds)) == 500


def test_unit_floats_cover_zero_to_one_without_one():
  bits = tf.constant([0, 2**31, 2**32 - 1, 255], tf.uint32)
  found = random_stream.unit_floats(bits).numpy()
  assert found.tolist() == [0.0, 0.5, 1.0 - 2.0**-24, 0.0]
  assert found.max() < 1.0


def test_below_stays_below():
  # 5 * bits / 2**32, rounded down; 858993460 is just above a fifth of 2**32.
  bits = tf.constant([0, 858993459, 858993460, 2**31, 2**32 - 1], tf.uint32)
  found = random_stream.below(bits, 5)
  assert found.dtype == tf.int32
  assert found.numpy().tolist() == [0, 0, 1, 2, 4]
  limits = tf.constant([1, 2, 3, 2**31 - 1, 2**31 - 1])
  assert random_stream.below(bits, limits).numpy().tolist() == [
    0,
    0,
    0,
    2**30 - 1,
    2**31 - 2,
  ]
