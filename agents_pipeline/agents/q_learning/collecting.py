"""The policy of Q-learning's collectors, and the requests for chunks."""

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.trajectories import policy_step

from agents_pipeline import interfaces
from agents_pipeline.agents import task as task_lib
from agents_pipeline.agents.q_learning import acting
from agents_pipeline.agents.q_learning import config as q_config
from agents_pipeline.agents.q_learning import network as q_network
from agents_pipeline.config import schema
from agents_pipeline.training import episode_statistics


def collecting_of(
  experiment: schema.Experiment, task: task_lib.Task, seed: int
) -> interfaces.Collecting | None:
  """How the collectors of an experiment collect; None where it has none.

  Args:
    experiment: the experiment, which says who collects and how.
    task: the task that collectors act in.
    seed: the seed of exploration.
  """
  config = experiment.agent
  assert isinstance(config, q_config.QLearningConfig)
  if config.collectors is None:
    return None
  make_q: Callable[[], acting.Q]
  if _is_plain(config, task):
    make_q = functools.partial(acting.MlpQ, config.activation, config.dueling)
  else:
    make_q = functools.partial(acting.NetworkQ, config, task)
  policy = acting.EpsilonGreedy(
    make_q,
    int(task.action_spec.maximum) + 1,
    experiment.environment.num_envs,
    seed,
    config.collectors.epsilon_alpha,
  )
  return interfaces.Collecting(
    policy,
    config.collectors.num_steps_per_chunk,
    config.collectors.staleness_chunks > 0,
  )


def _is_plain(config: q_config.QLearningConfig, task: task_lib.Task) -> bool:
  """Whether NumPy computes the network: `acting.MlpQ`."""
  spec = task.observation_spec
  return (
    config.network is None
    and config.activation in acting.MlpQ.ACTIVATIONS
    and not isinstance(spec, dict)
    and spec.dtype == tf.float32
    and not config.conv_layers
    and not config.batch_normalization
    and not config.normalize_observations
    and config.make_distribution() is None
  )


def request_maker(
  config: q_config.QLearningConfig,
  network: q_network.QNetwork,
  statistics: episode_statistics.EpisodeStatistics,
  num_envs: int,
) -> Callable[[int], list[np.ndarray]]:
  """Returns a function that makes the request for a chunk.

  A request is what `acting.EpsilonGreedy.begin_chunk` takes: epsilon of each
  step, and the weights.

  Args:
    config: the configuration: the steps of a chunk, and the schedule of
      epsilon.
    network: the network that learns, whose weights are sent.
    statistics: the counters of what was collected so far.
    num_envs: the number of copies of the environment, over all collectors.
  """
  assert config.collectors is not None
  assert config.epsilon is not None  # as the configuration has checked
  num_steps, epsilon_at = config.collectors.num_steps_per_chunk, config.epsilon

  def make_request(num_steps_ahead: int) -> list[np.ndarray]:
    """The request for the chunk that begins `num_steps_ahead` steps from now.

    Epsilon is 1 for steps within `num_random_env_steps`; for all others it is
    the schedule's value at the chunk's first env step.
    """
    first = int(statistics.env_steps) + num_steps_ahead * num_envs
    scheduled = epsilon_at(
      tf.constant(first, tf.int64), statistics.num_episodes.value()
    )
    env_steps: np.ndarray = first + num_envs * np.arange(num_steps)
    epsilon = np.where(
      env_steps < config.num_random_env_steps, 1.0, float(scheduled)
    )
    return [epsilon, *(variable.numpy() for variable in network.variables)]

  return make_request


class PlaceholderPolicy(tf_policy.TFPolicy):
  """Stands in for a policy where collectors choose the actions.

  Returns zeros, which no environment takes, once the variables that a request
  for a chunk reads have been written.
  """

  def __init__(
    self, time_step_spec, action_spec, awaited: Sequence[tf.Variable]
  ):
    """Creates the policy.

    Args:
      time_step_spec: the time step spec of one environment.
      action_spec: the action spec of one environment.
      awaited: the variables that `request_maker` reads.
    """
    super().__init__(time_step_spec, action_spec)
    self._awaited = awaited

  def _action(self, time_step, policy_state, seed):
    num_envs = time_step.reward.shape[0]
    # Stepping the environments may request a chunk, which reads these variables
    # in Python. Within an iteration of several steps nothing else orders that
    # after the writes.
    with tf.control_dependencies([v.read_value() for v in self._awaited]):
      action = tf.identity(tf.zeros((num_envs,), self.action_spec.dtype))
    return policy_step.PolicyStep(action, policy_state, ())
