"""The same task in other types of observations learns the same, to the bit."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.agents import building
from agents_pipeline.config import seeding


class Cells(gym.Env):
  """A walk over 6 cells, seen one-hot; the last one ends it with reward 1."""

  action_space = gym.spaces.Discrete(2)
  metadata = {"render_modes": []}  # noqa: RUF012

  def __init__(self, dtype="float32"):
    self.observation_space = gym.spaces.Box(0, 1, (2, 3), dtype)
    self._eye = np.eye(6, dtype=dtype).reshape(6, 2, 3)

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self._cell = int(self.np_random.integers(5))
    return self._eye[self._cell].copy(), {}

  def step(self, action):
    self._cell = max(self._cell + 2 * int(action) - 1, 0)
    is_last = self._cell == 5
    return self._eye[self._cell].copy(), float(is_last), is_last, False, {}


for dtype in ("float32", "uint8", "bool", "int64"):
  gym.register(
    f"Cells-{dtype}-v0",
    entry_point=Cells,
    kwargs={"dtype": dtype},
    max_episode_steps=30,
  )


def learned(experiment):
  """The weights after some train steps, and q or logits of every cell."""
  pipeline = building.build(experiment, seeding.Seeds(0))
  pipeline.compiled.collect(tf.constant(60))
  before = pipeline.network.variables[0].numpy()
  pipeline.compiled.train(tf.constant(40))
  assert not np.array_equal(pipeline.network.variables[0], before)
  space = gym.make(experiment.environment.name).observation_space
  cells = np.eye(6).reshape(6, 2, 3).astype(space.dtype)
  served = pipeline.serve(pipeline.network).serve(tf.constant(cells))
  pipeline.close()
  weights = [v.numpy() for v in pipeline.network.variables]
  return [*weights, *(served[name].numpy() for name in sorted(served))]


@pytest.mark.slow
@pytest.mark.parametrize(
  ("agent", "dtypes"),
  [("dqn", ("uint8", "bool", "int64")), ("a2c", ("bool",))],
)
def test_every_type_learns_as_float32_does(
  agent, dtypes, make_experiment, make_a2c_experiment
):
  make = {"dqn": make_experiment, "a2c": make_a2c_experiment}[agent]
  expected, *others = (
    learned(make(f"EnvironmentConfig.name = 'Cells-{dtype}-v0'"))
    for dtype in ("float32", *dtypes)
  )
  for found in others:
    for ours, theirs in zip(found, expected, strict=True):
      np.testing.assert_array_equal(ours, theirs)
