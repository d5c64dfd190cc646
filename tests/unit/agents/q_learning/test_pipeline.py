"""DQN's pipeline: its buffer gives back the stacks that environments gave."""

import pathlib

import gymnasium as gym
import numpy as np
import replay_rows
import tensorflow as tf

from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.environments import gymnasium_vector
from agents_pipeline.networks import convolution

LAST = 2
N = 4  # frames of a stack
CATCH = pathlib.Path(__file__).parents[4] / "configs" / "dqn_catch.gin"


class Numbered(gym.Env):
  """Frames [6, 5] that show their copy, episode and step, all from 1.

  Episodes have 1, 2, 3, 5 and 8 steps in turn; every other one is truncated.
  """

  metadata = {"render_modes": []}  # noqa: RUF012
  num_copies = 0

  def __init__(self, render_mode=None):
    self.render_mode = render_mode
    self.observation_space = gym.spaces.Box(0, 255, (6, 5), np.uint8)
    self.action_space = gym.spaces.Discrete(2)
    Numbered.num_copies += 1
    self._copy, self._episode = Numbered.num_copies, 0

  def _frame(self):
    frame = np.zeros((6, 5), np.uint8)
    frame[:2], frame[2:4], frame[4:] = self._copy, self._episode, self._step
    return frame

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self._episode, self._step = self._episode + 1, 1
    return self._frame(), {}

  def step(self, action):
    self._step += 1
    ended = self._step > (1, 2, 3, 5, 8)[self._episode % 5]
    terminates = ended and self._episode % 2 == 0
    return self._frame(), 0.0, terminates, ended and not terminates, {}


gym.register("Numbered-v0", Numbered)


def build_catch(*bindings):
  """configs/dqn_catch.gin, with rings of 25 rows."""
  experiment = gin_files.load_experiment(
    [CATCH],
    [
      "EnvironmentConfig.num_envs = 3",
      "ReplayConfig.capacity_env_steps = 75",
      "DqnConfig.conv_layers = ((2, 3, 1),)",
      "DqnConfig.hidden_layers = (4,)",
      *bindings,
    ],
  )
  return building.build(experiment, seeding.Seeds(0))


def stack_of(newest):
  """What `Numbered` gave with this newest frame [6, 5], in a stack of 4."""
  stack = np.zeros((N, 6, 5), np.uint8)
  step = int(newest[4, 0])
  for age in range(min(N, step)):
    stack[N - 1 - age] = newest
    stack[N - 1 - age, 4:] = step - age
  return stack


def test_a_pipeline_samples_the_stacks_of_numbered_frames():
  """Windows of 4 rows, after many turns of the rings and after a restore."""
  pipeline = build_catch(
    "EnvironmentConfig.name = 'Numbered-v0'", "DqnConfig.n_step = 3"
  )
  pipeline.compiled.collect(tf.constant(60))
  for restored in (False, True):
    if restored:
      environment = pipeline.tracked["environment"]
      environment.deserialize(environment.serialize())
      pipeline.resume()
    pipeline.compiled.train(tf.constant(10))
    windows = replay_rows.windows(pipeline.tracked["replay"], 300, 4)
    kinds = windows.step_type.numpy()
    newest = set()
    for rows, kind in zip(windows.observation.numpy(), kinds, strict=True):
      end = int(np.argmax(kind == LAST)) if LAST in kind else 3
      for row in rows[: end + 1]:
        np.testing.assert_array_equal(row, stack_of(row[-1]))
      # One copy and one episode, and steps one by one.
      frames = rows[: end + 1, -1, ::2, 0].astype(int)  # [T, 3]
      np.testing.assert_array_equal(
        frames, frames[0] + np.arange(end + 1)[:, None] * [0, 0, 1]
      )
      newest |= set(map(tuple, frames.tolist()))
    copies, _, steps = map(set, zip(*newest, strict=True))
    assert len(newest) > 60
    assert len(copies) == 3
    assert steps >= {1, 2, 3, 4, 5, 6}


def test_a_pipeline_samples_the_pairs_that_catch_gave(monkeypatch):
  """By their bytes, as they were when they left Python."""
  given, step = [], gymnasium_vector.GymnasiumEnvironment.step_and_reset

  def recording(self, action):
    now = self.current_time_step().observation.copy()
    reached, after = step(self, action)
    given.append((now, action.copy(), reached.observation.copy()))
    return reached, after

  monkeypatch.setattr(
    gymnasium_vector.GymnasiumEnvironment, "step_and_reset", recording
  )
  pipeline = build_catch()
  pipeline.compiled.collect(tf.constant(100))
  pipeline.compiled.train(tf.constant(20))
  assert len(given) == 120
  windows = replay_rows.windows(pipeline.tracked["replay"], 2_000, 2)
  steps = windows.step_type[:, 0].numpy() != LAST
  pair = lambda now, action, then: (now.tobytes(), int(action), then.tobytes())
  sampled = {
    pair(x[0], action, x[1])
    for x, action in zip(
      windows.observation.numpy()[steps],
      windows.action[:, 0].numpy()[steps],
      strict=True,
    )
  }
  newest = lambda count: {
    pair(*(x[i] for x in step)) for step in given[-count:] for i in range(3)
  }
  # Of the 25 rows of a copy, one after every ninth step is no step.
  assert newest(22) <= sampled <= newest(23)


def test_frames_are_stored_once():
  """Of 50 bytes each, in 3 rings of 25 rows; stacks would be of 200."""
  tables = [
    v
    for v in build_catch().tracked["replay"].variables
    if v.name.startswith("table")
  ]
  size = sum(v.shape.num_elements() * v.dtype.size for v in tables)
  assert 50 * 75 < size < 125 * 75


def test_convolutions_are_products_where_xla_trains_them_on_the_cpu():
  """Of both networks; around Python the learner is no XLA program."""
  folder = CATCH.parent
  for name, by_products in (
    ("dqn_minatar_breakout", True),
    ("dqn_catch", False),
  ):
    experiment = gin_files.load_experiment(
      [folder / f"{name}.gin"], ["ReplayConfig.capacity_env_steps = 5_000"]
    )
    agent = building.build(experiment, seeding.Seeds(0)).tracked["agent"]
    found = [
      part.by_products
      for part in agent.submodules
      if isinstance(part, convolution.Convolution)
    ]
    assert len(found) >= 2
    assert set(found) == {by_products}
