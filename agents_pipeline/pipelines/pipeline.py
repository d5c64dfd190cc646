"""What a pipeline is, whichever agent learns in it."""

import dataclasses
from collections.abc import Callable

import gymnasium as gym
import tensorflow as tf
from tf_agents.networks import network as tf_agents_network
from tf_agents.policies import tf_policy

from agents_pipeline.collection import episode_statistics
from agents_pipeline.evaluation import best_policy, served_policy
from agents_pipeline.training import iterations, loop


@dataclasses.dataclass(frozen=True)
class Pipeline:
  """The wired stages of one experiment.

  Attributes:
    compiled: its two compiled calls.
    loop_sizes: when its loop tells and ends.
    statistics: env steps and episodes.
    train_steps: counter.
    schedules: metric name -> its value now.
    network: the one that learns.
    best: the best of it so far.
    serve: network -> the policy as others get it.
    make_tf_agents_policy: network -> greedy TF-Agents policy.
    tracked: everything that a checkpoint holds, by name.
    resume: called after a checkpoint was restored.
    close: ends the training environment and its processes.
  """

  compiled: iterations.Iterations
  loop_sizes: loop.LoopSizes
  statistics: episode_statistics.EpisodeStatistics
  train_steps: tf.Variable
  schedules: dict[str, Callable[[], float]]
  network: tf_agents_network.Network
  best: best_policy.BestPolicy
  serve: Callable[[tf_agents_network.Network], served_policy.ServedPolicy]
  make_tf_agents_policy: Callable[
    [tf_agents_network.Network], tf_policy.TFPolicy
  ]
  tracked: dict
  resume: Callable[[], None]
  close: Callable[[], None]


def spaces_of(env: gym.Env) -> tuple[gym.Space, gym.Space]:
  """Closes an environment and returns its observation and action spaces."""
  spaces = env.observation_space, env.action_space
  env.close()
  return spaces
