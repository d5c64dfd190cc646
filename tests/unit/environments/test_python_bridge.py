"""Python environments inside a TensorFlow graph."""

import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.environments import gymnasium_vector, python_bridge

Mode = gym.vector.AutoresetMode


class Counter(gym.Env):
  """Observes 100 * episode + step in every number; terminates after 2 steps."""

  action_space = gym.spaces.Discrete(2)

  def __init__(self, size):
    self.observation_space = gym.spaces.Box(-1e6, 1e6, (size,), np.float32)
    self.episode = -1

  def observe(self):
    value = 100 * self.episode + self.num_steps
    return np.full(self.observation_space.shape, value, np.float32)

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self.episode, self.num_steps = self.episode + 1, 0
    return self.observe(), {}

  def step(self, action):
    self.num_steps += 1
    return self.observe(), 0.5, self.num_steps == 2, False, {}


# 128 numbers are packed into one array with the scalars, 129 are not.
@pytest.mark.parametrize(("size", "num_arrays"), [(1, 1), (128, 1), (129, 3)])
def test_time_steps_cross_into_a_graph(size, num_arrays):
  vector = gym.vector.SyncVectorEnv(
    [lambda: Counter(size)] * 2, autoreset_mode=Mode.DISABLED
  )
  host = python_bridge.PythonBridge(
    gymnasium_vector.GymnasiumEnvironment(
      vector, "Counter", lambda copy, episode: episode
    )
  )
  step = tf.function(host.step_and_reset, autograph=False)
  first = host.current_time_step()
  assert first.observation.numpy().tolist() == [[0] * size] * 2
  action = tf.constant([1, 1], tf.int64)
  next_time_step, time_step = step(action)
  assert next_time_step.observation.shape == (2, size)
  assert not any(next_time_step.is_last())
  tf.nest.map_structure(
    np.testing.assert_array_equal, next_time_step, time_step
  )
  next_time_step, time_step = step(action)
  assert next_time_step.observation.numpy().tolist() == [[2] * size] * 2
  assert time_step.observation.numpy().tolist() == [[100] * size] * 2
  assert all(next_time_step.is_last()) and all(time_step.is_first())
  assert next_time_step.reward.numpy().tolist() == [0.5, 0.5]
  assert next_time_step.discount.numpy().tolist() == [0, 0]
  assert time_step.discount.numpy().tolist() == [1, 1]
  assert len(host.step_in_python(action)) == num_arrays


def bridge_of(vector, num_frames=1):
  return python_bridge.PythonBridge(
    gymnasium_vector.GymnasiumEnvironment(
      vector, "Counter", lambda copy, episode: episode
    ),
    num_frames,
  )


@pytest.mark.parametrize(
  "mode", [Mode.DISABLED, Mode.NEXT_STEP, Mode.SAME_STEP]
)
def test_of_stacked_frames_only_the_newest_crosses(mode):
  def make():
    stacked = gym.wrappers.FrameStackObservation(
      Counter(200), 3, padding_type="zero"
    )
    return gym.vector.SyncVectorEnv([lambda: stacked], autoreset_mode=mode)

  whole, newest = bridge_of(make()), bridge_of(make(), num_frames=3)
  assert newest.current_time_step().observation.shape == (1, 3, 200)
  whole.current_time_step()
  action = tf.constant([1], tf.int64)
  numbers = []
  step = tf.function(newest.step_and_reset, autograph=False)
  for _ in range(7):  # an episode takes two steps
    for ours, theirs in zip(
      step(action), whole.step_and_reset(action), strict=True
    ):
      tf.nest.map_structure(np.testing.assert_array_equal, ours, theirs)
      numbers.append(ours.observation[0, :, 0].numpy().tolist())
  # What was reached, black before the first; then what is acted from next.
  assert numbers[:3] == [[0, 0, 1], [0, 0, 1], [0, 1, 2]]
  assert [0, 0, 100] in numbers
  assert [x.shape for x in newest.step_in_python(action)[1:]] == [(1, 200)] * 2
