"""What a Dict observation costs beside an array of the same numbers.

python -m benchmarks.dict_observations

One loop of DQN each, around the same Python environment, in alternation: what
is printed are env steps per second, and the median of the ratios of the time
per step.
"""

import itertools
import time

import gymnasium as gym
import numpy as np

from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding

_NUM_STEPS = 4_000  # of each turn
_NUM_TURNS = 9


class Numbers(gym.Env):
  """Shows six numbers, as an array or as a Dict of three leaves."""

  def __init__(self, nested=False, render_mode=None):
    box = gym.spaces.Box
    self.action_space = gym.spaces.Discrete(2)
    self.observation_space = box(-1, 1, (6,))
    self._observation: object = np.zeros(6, np.float32)
    if nested:
      self.observation_space = gym.spaces.Dict(
        {
          "position": box(-1, 1, (2,)),
          "speed": box(-1, 1, (3,)),
          "mode": gym.spaces.Discrete(2),
        }
      )
      self._observation = {
        "position": np.zeros(2, np.float32),
        "speed": np.zeros(3, np.float32),
        "mode": np.int64(1),
      }

  def reset(self, *, seed=None, options=None):
    """Begins an episode."""
    self._step = 0
    return self._observation, {}

  def step(self, action):
    """Does a step, which is always the same."""
    self._step += 1
    return self._observation, 1.0, self._step == 200, False, {}


def _turns(nested: bool):
  """Yields the seconds of each turn; the first compiles."""
  experiment = gin_files.load_experiment(
    [],
    [
      "Experiment.agent = @DqnConfig()",
      "EnvironmentConfig.name = 'Numbers-v0'",
      f"EnvironmentConfig.arguments = {{'nested': {nested}}}",
      f"TrainingConfig.num_env_steps = {(_NUM_TURNS + 2) * _NUM_STEPS}",
      f"TrainingConfig.log_period_env_steps = {_NUM_STEPS}",
    ],
  )
  pipeline = building.build(experiment, seeding.Seeds(0))
  results = pipeline.run()
  while True:
    start = time.perf_counter()
    next(results)
    pipeline.interval.end(pipeline.statistics)
    yield time.perf_counter() - start


def main() -> None:
  """Prints rates and the median ratio."""
  gym.register("Numbers-v0", Numbers)
  pairs = list(
    itertools.islice(
      zip(_turns(False), _turns(True), strict=True), 1, _NUM_TURNS + 1
    )
  )
  array, nested = np.array(pairs).T
  ratios = nested / array
  for name, seconds in (("array", array), ("Dict of three", nested)):
    print(f"{name:14} {_NUM_STEPS / np.median(seconds):8,.0f} env steps/s")
  print(
    f"time per step, Dict to array: {np.median(ratios):.2f} "
    f"({ratios.min():.2f} to {ratios.max():.2f})"
  )


if __name__ == "__main__":
  main()
