"""Acts by samples of a policy's distribution, in place of its best action."""

from typing import Any

import gymnasium as gym
import numpy as np

from agents_pipeline import errors
from agents_pipeline.environments import specs
from agents_pipeline.evaluation import evaluator, loaded_policy


def sampled_act(
  policy: loaded_policy.LoadedPolicy, space: gym.Space, seed: int
) -> evaluator.Act:
  """Acts as an actor-critic policy does while it learns.

  Args:
    policy: the exported policy, which returns the parameters of its
      distribution.
    space: the policy's action space.
    seed: the seed of the samples.

  Raises:
    UserError: the policy has no distribution of actions, such as a policy of
      DQN.
  """
  if not {"logits", "mean"} & policy.output_names:
    raise errors.UserError(
      "--stochastic: this policy has q-values and no distribution of actions "
      "to sample from; expected a policy of A2C"
    )
  rng = np.random.default_rng(seed)

  def act(observations: Any) -> np.ndarray:
    outputs = policy.outputs(observations)
    if "logits" in outputs:
      number = _categorical(outputs["logits"], rng)
      return np.asarray(number + specs.space_start(space), space.dtype)
    noise = rng.standard_normal(outputs["mean"].shape)
    action = outputs["mean"] + outputs["stddev"] * noise
    low, high = specs.float32_bounds(space)
    return np.clip(action, low, high).astype(space.dtype)

  return act


def _categorical(logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
  """Draws samples [B, ...] of logits [B, ..., A], by Gumbel's method (1954)."""
  return np.argmax(logits + rng.gumbel(size=logits.shape), axis=-1)
