"""Samples of the distributions that a policy returns."""

import types

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.evaluation import sampling


def policy(**outputs):
  return types.SimpleNamespace(
    output_names=set(outputs) | {"action"}, outputs=lambda observations: outputs
  )


def sample(space, num_samples, **outputs):
  repeated = {
    name: np.repeat(np.float32([value]), num_samples, axis=0)
    for name, value in outputs.items()
  }
  return sampling.sampled_act(policy(**repeated), space, seed=0)(None)


def test_actions_are_as_frequent_as_they_are_probable():
  actions = sample(
    gym.spaces.Discrete(3, start=5), 20_000, logits=np.log([0.2, 0.8, 1e-30])
  )
  assert actions.dtype == np.int64
  frequencies = [np.mean(actions == action) for action in (5, 6, 7)]
  np.testing.assert_allclose(frequencies, [0.2, 0.8, 0.0], atol=0.01)


def test_each_dimension_of_a_multi_discrete_is_its_own():
  space = gym.spaces.MultiDiscrete([2, 3], start=[0, 10])
  logits = np.log([[0.5, 0.5, 1e-30], [0.1, 0.2, 0.7]])
  actions = sample(space, 20_000, logits=logits)
  assert actions.shape == (20_000, 2)
  np.testing.assert_allclose(actions.mean(axis=0), [0.5, 11.6], atol=0.02)


def test_a_gaussian_is_clipped_to_the_bounds_of_the_space():
  space = gym.spaces.Box(-1.0, np.float32([0.5, 9.0]))
  actions = sample(space, 20_000, mean=[0.0, 2.0], stddev=[1.0, 0.5])
  assert actions.dtype == np.float32
  assert actions[:, 0].min() == -1 and actions[:, 0].max() == 0.5
  np.testing.assert_allclose(actions[:, 1].mean(), 2.0, atol=0.02)
  np.testing.assert_allclose(actions[:, 1].std(), 0.5, atol=0.02)


def test_the_same_seed_gives_the_same_actions_and_goes_on():
  act = sampling.sampled_act(
    policy(logits=np.zeros((50, 4))), gym.spaces.Discrete(4), seed=3
  )
  again = sampling.sampled_act(
    policy(logits=np.zeros((50, 4))), gym.spaces.Discrete(4), seed=3
  )
  first = act(None)
  np.testing.assert_array_equal(first, again(None))
  assert (first != act(None)).any()


def test_a_policy_without_a_distribution_is_refused():
  with pytest.raises(errors.UserError, match="--stochastic: .* A2C"):
    sampling.sampled_act(
      policy(q_values=np.zeros((1, 2))), gym.spaces.Discrete(2), seed=0
    )
