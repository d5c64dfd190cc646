"""The DQN loop as TF-Agents' tutorial writes it, on CartPole-v1.

github.com/tensorflow/agents/blob/master/docs/tutorials/1_dqn_tutorial.ipynb,
with its uniform buffer: an eager collection step, `TFUniformReplayBuffer`,
`as_dataset(num_parallel_calls=3).prefetch(3)`, `common.function(agent.train)`.
gym's environment is replaced by gymnasium's, which its suite cannot load.
"""

import time

import gymnasium as gym
import numpy as np
import tensorflow as tf
from tf_agents.agents.dqn import dqn_agent
from tf_agents.environments import py_environment, tf_py_environment
from tf_agents.networks import q_network
from tf_agents.replay_buffers import tf_uniform_replay_buffer
from tf_agents.specs import array_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory
from tf_agents.utils import common


class CartPole(py_environment.PyEnvironment):
  """gymnasium's CartPole-v1 as TF-Agents' own wrapper would present it."""

  def __init__(self):
    super().__init__(handle_auto_reset=True)
    self._env = gym.make("CartPole-v1")

  def observation_spec(self):
    return array_spec.BoundedArraySpec((4,), np.float32, -1e38, 1e38)

  def action_spec(self):
    return array_spec.BoundedArraySpec((), np.int64, 0, 1)

  def _reset(self):
    return ts.restart(self._env.reset()[0])

  def _step(self, action):
    observation, reward, terminated, truncated, _ = self._env.step(int(action))
    if terminated:
      return ts.termination(observation, reward)
    if truncated:
      return ts.truncation(observation, reward)
    return ts.transition(observation, reward)


class TextbookLoop:
  """1 env step and 1 train step of a batch of 64 per iteration."""

  def __init__(self, capacity: int = 100_000, num_initial_steps: int = 200):
    self._env = tf_py_environment.TFPyEnvironment(CartPole())
    self._agent = dqn_agent.DqnAgent(
      self._env.time_step_spec(),
      self._env.action_spec(),
      q_network=q_network.QNetwork(
        self._env.observation_spec(),
        self._env.action_spec(),
        fc_layer_params=(100,),
      ),
      optimizer=tf.keras.optimizers.legacy.Adam(1e-3),
      td_errors_loss_fn=common.element_wise_squared_loss,
      epsilon_greedy=0.1,
      gamma=0.99,
      target_update_period=100,
      train_step_counter=tf.Variable(0, dtype=tf.int64),
    )
    self._agent.initialize()
    self._buffer = tf_uniform_replay_buffer.TFUniformReplayBuffer(
      self._agent.collect_data_spec, batch_size=1, max_length=capacity
    )
    self._agent.train = common.function(self._agent.train)
    self._env.reset()
    for _ in range(num_initial_steps):
      self._collect_step()
    dataset = self._buffer.as_dataset(
      num_parallel_calls=3, sample_batch_size=64, num_steps=2
    ).prefetch(3)
    self._batches = iter(dataset)
    self.run(20)  # traces, and takes the batches that were prefetched

  def _collect_step(self):
    time_step = self._env.current_time_step()
    action_step = self._agent.collect_policy.action(time_step)
    next_time_step = self._env.step(action_step.action)
    self._buffer.add_batch(
      trajectory.from_transition(time_step, action_step, next_time_step)
    )

  def run(self, num_iterations: int) -> float:
    """Returns iterations per second."""
    start = time.perf_counter()
    for _ in range(num_iterations):
      self._collect_step()
      experience, _ = next(self._batches)
      self._agent.train(experience)
    return num_iterations / (time.perf_counter() - start)
