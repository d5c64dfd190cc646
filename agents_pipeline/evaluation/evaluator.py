"""Greedy episodes on gymnasium's own environment, rewards untouched."""

import dataclasses
from collections.abc import Callable, Sequence

import gymnasium as gym
import numpy as np

from agents_pipeline.config import observations, schema, seeding
from agents_pipeline.environments import checks, making

# Actions of [B], in the environment's own numbering, for observations [B, ...].
Act = Callable[[np.ndarray], np.ndarray]

# Of one episode: 30 minutes of Atari. An episode that goes on is cut here.
MAX_ENV_STEPS = 27_000
_AT_ONCE = 25  # environments alive at a time
_NUM_RESAMPLES = 10_000  # of a bootstrap


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """What an evaluation found.

  Attributes:
    environment: what was acted in.
    greedy: whether the policy took its best action every time.
    seeds: of each episode's reset.
    returns: of each episode, undiscounted.
    lengths: of each episode, env steps.
  """

  environment: schema.EnvironmentConfig
  greedy: bool
  seeds: list[int]
  returns: list[float]
  lengths: list[int]

  @property
  def mean_return(self) -> float:
    """Mean over episodes."""
    return float(np.mean(self.returns))

  @property
  def mean_length(self) -> float:
    """Mean env steps of an episode."""
    return float(np.mean(self.lengths))

  def to_json(self) -> dict:
    """The content of evaluation.json."""
    return {
      "environment": self.environment.name,
      "num_episodes": len(self.returns),
      "greedy": self.greedy,
      "rewards": "the environment's own, neither clipped nor shaped",
      "observation": observations.protocol(self.environment.observation),
      "max_env_steps_per_episode": MAX_ENV_STEPS,
      "mean_return": self.mean_return,
      "standard_deviation": float(np.std(self.returns, ddof=1))
      if len(self.returns) > 1
      else 0.0,
      "interval_95": list(bootstrap_interval(self.returns)),
      "mean_length": self.mean_length,
      "returns": self.returns,
      "lengths": self.lengths,
      "seeds": self.seeds,
    }


def mean(values: np.ndarray) -> np.ndarray:
  """The mean, [..., N] -> [...]."""
  return values.mean(axis=-1)


def interquartile_mean(values: np.ndarray) -> np.ndarray:
  """The mean of the middle half (Agarwal et al. 2021).

  A quarter of the values, rounded down, is cut at either end, as
  `scipy.stats.trim_mean(values, 0.25, axis=-1)` does.

  Args:
    values: [..., N].

  Returns:
    [...].
  """
  count = np.shape(values)[-1]
  cut = count // 4
  return np.sort(values, axis=-1)[..., cut : count - cut].mean(axis=-1)


def resample(num_values: int, rng: np.random.Generator) -> np.ndarray:
  """Indices drawn with replacement: [resamples, N] for N values."""
  return rng.integers(0, num_values, (_NUM_RESAMPLES, num_values))


def bootstrap_interval(
  values: Sequence[float],
  confidence: float = 0.95,
  statistic: Callable[[np.ndarray], np.ndarray] = mean,
) -> tuple[float, float]:
  """The percentile bootstrap interval of a statistic (Efron 1979).

  Args:
    values: [N].
    confidence: of the interval, in (0, 1).
    statistic: [..., N] -> [...].

  Returns:
    Its two ends. Resampling is seeded: the same values give the same ends.
  """
  numbers = np.asarray(values, np.float64)
  drawn = resample(len(numbers), np.random.default_rng(0))
  tail = 100 * (1 - confidence) / 2
  resampled = statistic(numbers[drawn])
  return (
    float(np.percentile(resampled, tail)),
    float(np.percentile(resampled, 100 - tail)),
  )


def evaluate(
  act: Act,
  environment: schema.EnvironmentConfig,
  num_episodes: int,
  seed: int,
  greedy: bool = True,
) -> Evaluation:
  """Runs whole episodes, each in a fresh reset with a seed of its own.

  Each environment plays its share of episodes from beginning to end, so short
  episodes are not favored.

  Args:
    act: the policy.
    environment: its `name` and `observation` count.
    num_episodes: how many.
    seed: parent of the episodes' seeds; episode i has the same one always.
    greedy: recorded.

  Raises:
    EnvironmentFailure: it raised, or gave what it does not declare.
  """
  seeds = [seeding.child_seed(seed, "episode", i) for i in range(num_episodes)]
  count = min(num_episodes, _AT_ONCE)
  envs = [making.make_evaluation_environment(environment) for _ in range(count)]
  for i, env in enumerate(envs):
    env.label = f"evaluated in copy {i}"
  returns: np.ndarray = np.zeros(num_episodes)
  lengths: np.ndarray = np.zeros(num_episodes, int)
  try:
    for first in range(0, num_episodes, count):
      span = slice(first, min(first + count, num_episodes))
      returns[span], lengths[span] = _episodes(act, envs, seeds[span])
  finally:
    for env in envs:
      env.close()
  return Evaluation(
    environment, greedy, seeds, returns.tolist(), lengths.tolist()
  )


def _episodes(act: Act, envs: list[gym.Env], seeds: list[int]):
  """Plays one episode in each of the first len(seeds) environments."""
  first = [
    env.reset(seed=seed)[0] for env, seed in zip(envs, seeds, strict=False)
  ]
  # The batch keeps its size, so that the policy is traced once; and the type
  # that the space declares, whatever the environment returns.
  first += first[:1] * (len(envs) - len(first))
  observations = np.stack(first).astype(envs[0].observation_space.dtype)
  returns: np.ndarray = np.zeros(len(seeds))
  lengths: np.ndarray = np.zeros(len(seeds), int)
  running = set(range(len(seeds)))
  while running:
    usable = checks.is_finite_float32(observations).reshape(
      len(observations), -1
    )
    if not usable.all():
      copy = int(usable.all(axis=1).argmin())
      envs[copy].fail(checks.not_finite("observation", observations[copy]))
    actions = act(observations)
    for i in sorted(running):
      observation, reward, terminated, truncated, _ = envs[i].step(actions[i])
      observations[i] = observation
      returns[i] += float(reward)
      lengths[i] += 1
      if not np.isfinite(returns[i]):
        envs[i].fail(f"its reward is not finite: {reward}")
      if terminated or truncated or lengths[i] >= MAX_ENV_STEPS:
        running.discard(i)
  return returns, lengths


def random_act(environment: schema.EnvironmentConfig, seed: int) -> Act:
  """A policy of random actions, for comparison."""
  env = making.make_evaluation_environment(environment)
  space = env.action_space
  space.seed(seed)
  env.close()
  return lambda observations: np.stack([space.sample() for _ in observations])
