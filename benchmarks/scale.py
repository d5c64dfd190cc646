"""Env steps per second of a slow environment, by how its copies are stepped.

python -m benchmarks.scale [--milliseconds=5] [--num_copies=1,2,4,8]

One loop of DQN each, with one update per iteration, around an environment that
sleeps, in rounds: 'async' and 'ray' take turns. Ideal is what N copies give if
nothing but the environment took time. Needs `make scale`.
"""

import itertools
import statistics
import time

import gymnasium as gym
import numpy as np
from absl import app, flags

from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding

_MILLISECONDS = flags.DEFINE_float("milliseconds", 5.0, "Of an env step.")
_NUM_COPIES = flags.DEFINE_list("num_copies", ["1", "2", "4", "8"], "Copies.")

_WAYS = ("async", "ray")
_SECONDS = 2.0  # of each turn
_NUM_TURNS = 7


class Slow(gym.Env):
  """Sleeps; its episodes have 200 steps."""

  observation_space = gym.spaces.Box(-1, 1, (4,), np.float32)
  action_space = gym.spaces.Discrete(2)

  def __init__(self, seconds=0.0, render_mode=None):
    self._seconds = seconds
    self._observation = np.zeros(4, np.float32)

  def reset(self, *, seed=None, options=None):
    """Begins an episode."""
    self._step = 0
    return self._observation.copy(), {}

  def step(self, action):
    """Always the same."""
    time.sleep(self._seconds)
    self._step += 1
    return self._observation.copy(), 1.0, self._step == 200, False, {}


def _rates(vectorization: str, num_copies: int):
  """Yields env steps per second of each turn; the first two compile."""
  seconds = _MILLISECONDS.value / 1e3
  per_turn = max(int(_SECONDS / seconds), 1) * num_copies
  experiment = gin_files.load_experiment(
    [],
    [
      "Experiment.agent = @DqnConfig()",
      "DqnConfig.num_env_steps_before_training = 64",
      "EnvironmentConfig.name = 'Slow-v0'",
      f"EnvironmentConfig.arguments = {{'seconds': {seconds}}}",
      f"EnvironmentConfig.num_envs = {num_copies}",
      f"EnvironmentConfig.vectorization = '{vectorization}'",
      f"TrainingConfig.num_env_steps = {(_NUM_TURNS + 3) * per_turn}",
      f"TrainingConfig.log_period_env_steps = {per_turn}",
    ],
  )
  pipeline = building.build(experiment, seeding.Seeds(0))
  try:
    results = pipeline.run()
    while True:
      result = next(results)
      pipeline.interval.end(pipeline.statistics)
      yield result.num_env_steps / result.seconds
  finally:
    pipeline.close()


def main(_) -> None:
  """Prints a row for each number of copies."""
  gym.register("Slow-v0", Slow)
  for num_copies in map(int, _NUM_COPIES.value):
    ways = [_rates(way, num_copies) for way in _WAYS]
    rounds = list(itertools.islice(zip(*ways, strict=True), 2, _NUM_TURNS + 2))
    ideal = num_copies * 1e3 / _MILLISECONDS.value
    line = f"{num_copies:4} copies, ideal {ideal:8,.0f} env steps/s"
    for way, rates in zip(_WAYS, zip(*rounds, strict=True), strict=True):
      line += (
        f"; {way} {statistics.median(rates):8,.0f} "
        f"({min(rates):,.0f} to {max(rates):,.0f})"
      )
    print(line, flush=True)
    for way in ways:
      way.close()


if __name__ == "__main__":
  app.run(main)
