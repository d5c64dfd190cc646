"""Evaluates policies in gymnasium's own environments, with raw rewards."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from agents_pipeline import interfaces
from agents_pipeline.config import encoders, schema, seeding
from agents_pipeline.environments import checks, leaves, making
from agents_pipeline.evaluation import statistics

# Observations [B, ...], or leaves of them by name -> actions [B, ...], as the
# action space numbers them.
Act = Callable[[Any], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """The results of an evaluation.

  Attributes:
    environment: the environment that the policy acted in.
    greedy: whether the policy always took its best action.
    seeds: the seed of each episode's reset.
    returns: the return of each episode, undiscounted.
    lengths: the length of each episode, in env steps.
    max_env_steps: the length at which an episode is cut, in env steps.
    are_cut: whether each episode was cut.
  """

  environment: schema.EnvironmentConfig
  greedy: bool
  seeds: list[int]
  returns: list[float]
  lengths: list[int]
  max_env_steps: int
  are_cut: list[bool]

  @property
  def num_cut(self) -> int:
    """How many episodes were cut."""
    return sum(self.are_cut)

  @property
  def cut_message(self) -> str:
    """A line about the episodes that were cut, for the user; "" without any."""
    if not self.num_cut:
      return ""
    return (
      f"{self.num_cut} of {len(self.returns)} episodes were cut at "
      f"{self.max_env_steps:,} env steps: {self.environment.name} has no time "
      "limit below that"
    )

  @property
  def mean_return(self) -> float:
    """Mean return of the episodes."""
    return float(np.mean(self.returns))

  @property
  def mean_length(self) -> float:
    """Mean length of the episodes, in env steps."""
    return float(np.mean(self.lengths))

  def to_json(self) -> dict:
    """Returns the content of evaluation.json."""
    return {
      **self.environment.to_json(),
      "num_episodes": len(self.returns),
      "greedy": self.greedy,
      "rewards": "the environment's own, neither clipped nor shaped",
      "observation": self.environment.observation.protocol(),
      "max_env_steps_per_episode": self.max_env_steps,
      "num_cut_episodes": self.num_cut,
      "mean_return": self.mean_return,
      "standard_deviation": float(np.std(self.returns, ddof=1))
      if len(self.returns) > 1
      else 0.0,
      "interval_95": list(statistics.bootstrap_interval(self.returns)),
      "mean_length": self.mean_length,
      "returns": self.returns,
      "lengths": self.lengths,
      "seeds": self.seeds,
    }


def evaluate(
  act: Act,
  environment: schema.EnvironmentConfig,
  num_episodes: int,
  seed: int,
  *,
  max_envs: int = schema.EvaluationConfig.num_envs,
  max_env_steps: int = schema.EvaluationConfig.max_episode_env_steps,
  copies: Sequence[interfaces.Copy] = (),
  greedy: bool = True,
) -> Evaluation:
  """Runs complete episodes, each with its own seed.

  Every environment plays a fixed number of episodes, so short episodes are not
  overrepresented.

  Args:
    act: the policy.
    environment: the environment to act in; how many copies are trained on does
      not matter.
    num_episodes: the number of episodes.
    seed: the parent of the episodes' seeds; the seed of episode i does not
      depend on `num_episodes`.
    max_envs: the number of copies of the environment that live at once, at
      most.
    max_env_steps: the length at which an episode is cut, in env steps.
    copies: the copies to act in, which stay open; () makes new ones and closes
      them.
    greedy: whether the policy always takes its best action, for the record.

  Raises:
    EnvironmentFailure: the environment raised or returned invalid values.
  """
  seeds = [seeding.child_seed(seed, "episode", i) for i in range(num_episodes)]
  num_envs = min(num_episodes, len(copies) or max_envs)
  envs: list[interfaces.Copy] = list(copies)[:num_envs]
  envs = envs or make_copies(environment, num_envs)
  labels = [env.label for env in envs]
  for i, env in enumerate(envs):
    env.label = f"evaluated in copy {i}"
  returns: np.ndarray = np.zeros(num_episodes)
  lengths: np.ndarray = np.zeros(num_episodes, int)
  are_cut: np.ndarray = np.zeros(num_episodes, bool)
  try:
    for first in range(0, num_episodes, num_envs):
      batch = slice(first, min(first + num_envs, num_episodes))
      returns[batch], lengths[batch], are_cut[batch] = _run_episodes(
        act, envs, seeds[batch], max_env_steps
      )
  finally:
    for env, label in zip(envs, labels, strict=True):
      env.label = label
      if not copies:
        env.close()
  return Evaluation(
    environment,
    greedy,
    seeds,
    returns.tolist(),
    lengths.tolist(),
    max_env_steps,
    are_cut.tolist(),
  )


def make_copies(
  environment: schema.EnvironmentConfig, num_envs: int
) -> list[interfaces.Copy]:
  """Makes the copies of an environment that episodes are played in."""
  return [
    making.make_evaluation_environment(environment) for _ in range(num_envs)
  ]


def _run_episodes(
  act: Act, envs: list[interfaces.Copy], seeds: list[int], max_env_steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Runs one episode in each of the first N = len(seeds) environments.

  Returns:
    The returns [N] float64, the lengths [N] int64, and whether each episode was
    cut, [N] bool.
  """
  begun = [
    env.begin_reset(seed) for env, seed in zip(envs, seeds, strict=False)
  ]
  initial = [reset()[0] for reset in begun]
  # Always the same batch size and the declared dtype, so that the policy is
  # traced once.
  initial += initial[:1] * (len(envs) - len(initial))
  observations = _stacked(initial, envs[0].observation_space)
  is_dict = isinstance(observations, dict)
  returns: np.ndarray = np.zeros(len(seeds))
  lengths: np.ndarray = np.zeros(len(seeds), int)
  are_cut: np.ndarray = np.zeros(len(seeds), bool)
  running = set(range(len(seeds)))
  while running:
    _check_finite(observations, envs)
    actions = act(dict(observations) if is_dict else observations)
    steps = [(i, envs[i].begin_step(actions[i])) for i in sorted(running)]
    for i, step in steps:
      observation, reward, terminated, truncated, _ = step()
      for name, values in leaves.arrays(observations):
        values[i] = observation[name] if is_dict else observation
      returns[i] += float(reward)
      lengths[i] += 1
      if not np.isfinite(returns[i]):
        envs[i].fail(f"its reward is not finite: {reward}")
      ended = terminated or truncated
      if ended or lengths[i] >= max_env_steps:
        running.discard(i)
        are_cut[i] = not ended
  return returns, lengths, are_cut


def _stacked(observations: list, space: gym.Space):
  """Stacks observations to [B, ...] of the space's dtype, or leaves by name."""
  if isinstance(space, gym.spaces.Dict):
    return {
      name: np.stack([o[name] for o in observations]).astype(leaf.dtype)
      for name, leaf in space.spaces.items()
    }
  return np.stack(observations).astype(space.dtype)


def _check_finite(observations, envs: list[interfaces.Copy]) -> None:
  """Raises EnvironmentFailure where an observation is not finite."""
  for name, values in leaves.arrays(observations):
    is_finite = checks.is_finite_float32(values)  # [B, ...]
    if not is_finite.all():
      copy = int(is_finite.reshape(len(envs), -1).all(axis=1).argmin())
      envs[copy].fail(checks.not_finite(name, values[copy]))


def random_act(environment: schema.EnvironmentConfig, seed: int) -> Act:
  """Returns a policy of random actions, all of them allowed, for comparison."""
  env = making.make_evaluation_environment(environment)
  space = env.action_space
  space.seed(seed)
  env.close()

  def act(observations) -> np.ndarray:
    if isinstance(observations, dict) and encoders.ACTION_MASK in observations:
      masks = observations[encoders.ACTION_MASK]  # [B, A]
      return np.stack([space.sample(mask=mask) for mask in masks])
    _, values = next(leaves.arrays(observations))
    return np.stack([space.sample() for _ in values])

  return act
