"""A run whose environment and learner wait for each other in every iteration.

A process of its own: TensorFlow's threads are chosen once for each. Exits with
0 when they have met.
"""

import threading

from agents_pipeline.apps import command_line

with command_line.quiet_imports():
  import gymnasium as gym
  import numpy as np
  import tensorflow as tf

  from agents_pipeline.agents import building
  from agents_pipeline.config import gin_files, seeding
  from agents_pipeline.training import replay_iteration

NUM_ITERATIONS = 5
meeting = threading.Barrier(2)
training = threading.Event()


class Waits(gym.Env):
  """Ends after 9 steps, and steps only while the agent learns."""

  observation_space = gym.spaces.Box(0, 1, (1,))
  action_space = gym.spaces.Discrete(2)
  num_steps = 0

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self.num_steps = 0
    return np.zeros(1, np.float32), {}

  def step(self, action):
    del action
    self.num_steps += 1
    if training.is_set():
      meeting.wait(timeout=30)
    return np.zeros(1, np.float32), 0.0, self.num_steps == 9, False, {}


def meet():
  """The other side."""
  meeting.wait(timeout=30)


def main():
  """Trains, as the configuration says, while stepping."""
  gym.register("Waits-v0", Waits)
  whole = replay_iteration.ReplayIteration
  learn = whole.learn

  def meet_and_learn(*args):
    tf.py_function(meet, [], [])
    return learn(*args)

  whole.learn = meet_and_learn
  experiment = gin_files.load_experiment(
    [],
    [
      "Experiment.agent = @DqnConfig()",
      "EnvironmentConfig.name = 'Waits-v0'",
      "TrainingConfig.num_env_steps = 10_000",
      "DqnConfig.hidden_layers = (4,)",
      "DqnConfig.batch_size = 4",
      "DqnConfig.learns_while_stepping = True",
      "ReplayConfig.capacity_env_steps = 100",
    ],
  )
  # XLA's programs cannot call Python.
  pipeline = building.build(experiment, seeding.Seeds(0), jit=False)
  pipeline.compiled.collect(tf.constant(20))
  training.set()
  totals = pipeline.compiled.train(tf.constant(NUM_ITERATIONS))
  assert int(totals.num_train_steps) == NUM_ITERATIONS


if __name__ == "__main__":
  main()
