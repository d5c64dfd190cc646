"""The best policy evaluated so far, kept apart from the one that learns."""

import tensorflow as tf
from tf_agents.networks import network as tf_agents_network


class BestPolicy(tf.Module):
  """A copy of the network at its best evaluation; part of checkpoints.

  Attributes:
    network: the copy.
    mean_return: the mean return of the copy's evaluation; -inf if it had none.
    env_steps: the env steps that the copy was trained for; -1 before a network
      was kept.
    evaluated_at: the env steps at the last call of `offer`, whether or not it
      kept the network, or of `take`; -1 before the first call.
  """

  def __init__(self, network: tf_agents_network.Network):
    """Copies a network that has its weights.

    Args:
      network: the network that learns.
    """
    super().__init__(name="best_policy")
    self.network = network.copy(name="BestNetwork")
    self.network.create_variables()
    self.mean_return = tf.Variable(float("-inf"), name="mean_return")
    self.env_steps = tf.Variable(-1, dtype=tf.int64, name="env_steps")
    self.evaluated_at = tf.Variable(-1, dtype=tf.int64, name="evaluated_at")

  def offer(
    self,
    network: tf_agents_network.Network,
    mean_return: float,
    env_steps: int,
  ) -> bool:
    """Keeps a copy of the network if it did at least as well as the best.

    Args:
      network: the network that was evaluated.
      mean_return: the mean return of its evaluation.
      env_steps: the env steps that it was trained for.

    Returns:
      Whether the network was kept.
    """
    self.evaluated_at.assign(env_steps)
    if not mean_return >= float(self.mean_return):  # NaN is never kept
      return False
    self._keep(network, mean_return, env_steps)
    return True

  def take(self, network: tf_agents_network.Network, env_steps: int) -> None:
    """Keeps a copy of a network without an evaluation, in place of the best.

    Args:
      network: the newest network.
      env_steps: the env steps that it was trained for.
    """
    self.evaluated_at.assign(env_steps)
    self._keep(network, float("-inf"), env_steps)

  def _keep(self, network, mean_return: float, env_steps: int) -> None:
    for ours, theirs in zip(
      self.network.variables, network.variables, strict=True
    ):
      ours.assign(theirs)
    self.mean_return.assign(mean_return)
    self.env_steps.assign(env_steps)
