"""How a collector acts: epsilon-greedily, by its own copy of the network.

It is unpickled in the collector. It imports TensorFlow only for a network that
NumPy does not compute.
"""

import contextlib
import os
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np

from agents_pipeline.agents.q_learning import config as q_config
from agents_pipeline.config.encoders import ACTION_MASK


class Q(Protocol):
  """A copy of a Q-network, for one observation at a time."""

  def set_weights(self, weights: list[np.ndarray]) -> None:
    """Takes the values of the variables of a `QNetwork`, in their order."""

  def __call__(self, observation: Any) -> np.ndarray:
    """q [A] of an observation as the environment gives it."""


class MlpQ:
  """Hidden layers and heads computed by NumPy, from a vector of floats.

  It is `network.QNetwork` without images, encodings or distributions, starts at
  once, and takes a tenth of the memory of a process with TensorFlow.

  Attributes:
    ACTIVATIONS: the activations that it computes, by Keras' names.
  """

  ACTIVATIONS: ClassVar[dict[str, Callable]] = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
  }

  def __init__(self, activation: str, is_dueling: bool):
    """Takes its weights later.

    Args:
      activation: the name of an activation, one of `ACTIVATIONS`.
      is_dueling: whether the last layer is the head of the value.
    """
    self._activate = self.ACTIVATIONS[activation]
    self._is_dueling = is_dueling

  def set_weights(self, weights: list[np.ndarray]) -> None:
    """Takes kernels [O, I] and biases [O], layer by layer."""
    layers = list(zip(weights[::2], weights[1::2], strict=True))
    num_heads = 1 + self._is_dueling
    self._hidden, self._heads = layers[:-num_heads], layers[-num_heads:]

  def __call__(self, observation: np.ndarray) -> np.ndarray:
    """Computes q [A] of an observation [...]; see `QNetwork`."""
    x = np.asarray(observation, np.float32).ravel()  # [D]
    for kernel, bias in self._hidden:
      x = self._activate(kernel @ x + bias)  # [H]
    advantage, *value = (kernel @ x + bias for kernel, bias in self._heads)
    if not value:
      return advantage
    return value[0] + (advantage - advantage.mean())


class NetworkQ:
  """Any Q-network, computed by TensorFlow."""

  def __init__(self, config: q_config.QLearningConfig, task: Any):
    """Makes the network, with weights of no meaning.

    Args:
      config: the configuration of its layers.
      task: the `task.Task` that it acts in.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    from agents_pipeline.agents.q_learning import pipeline
    from agents_pipeline.environments import gymnasium_vector
    from agents_pipeline.networks import keras_settings

    with contextlib.suppress(RuntimeError):  # TensorFlow has begun to compute
      # One thread, as actors share a machine; and never the learner's GPU.
      tf.config.set_visible_devices([], "GPU")
      tf.config.threading.set_intra_op_parallelism_threads(1)
      tf.config.threading.set_inter_op_parallelism_threads(1)
    keras_settings.choose()
    self._network = pipeline.make_network(config, task, seed=0)
    self._to_spec = gymnasium_vector.observation_converter(
      task.observation_space, task.name
    )
    self._to_batch = lambda x: tf.nest.map_structure(lambda one: one[None], x)
    batch_spec = tf.nest.map_structure(
      lambda spec: tf.TensorSpec([1, *spec.shape], spec.dtype),
      task.observation_spec,
    )
    self._predict = tf.function(
      lambda observation: self._network(observation)[0][0],
      input_signature=[batch_spec],
      autograph=False,
    )
    self._predict.get_concrete_function()  # now, not within a step's time

  def set_weights(self, weights: list[np.ndarray]) -> None:
    """Takes the values of all variables, those of normalization too."""
    for variable, value in zip(self._network.variables, weights, strict=True):
      variable.assign(value)

  def __call__(self, observation: Any) -> np.ndarray:
    """Computes q [A] of an observation [...], or of leaves by name."""
    return self._predict(self._to_batch(self._to_spec(observation))).numpy()


class EpsilonGreedy:
  """Acts greedily but for a random action with probability epsilon.

  As `exploration.EpsilonGreedyPolicy`, but every copy draws from a generator of
  its own; see `interfaces.CollectorPolicy`.
  """

  def __init__(
    self,
    make_q: Callable[[], Q],
    num_actions: int,
    num_envs: int,
    seed: int,
    epsilon_alpha: float = 0.0,
  ):
    """Says what to act by; nothing is made yet.

    Args:
      make_q: a function that makes the network; it is pickled.
      num_actions: the number of actions, A.
      num_envs: the number of copies, over all collectors.
      seed: the seed of the run's exploration.
      epsilon_alpha: see `RayCollectors`.
    """
    self._make_q = make_q
    self._num_actions = num_actions
    self._seed = seed
    share = np.arange(num_envs) / max(num_envs - 1, 1)
    self._exponents = 1.0 + epsilon_alpha * share  # [N]

  def prepare(self) -> None:
    """Makes the network."""
    self._q = self._make_q()

  def begin_chunk(
    self, request: list[np.ndarray], number: int, copies: range, num_steps: int
  ) -> None:
    """See `interfaces.CollectorPolicy`.

    Args:
      request: epsilon [K] at each step, and the weights.
      number: see `interfaces.CollectorPolicy`.
      copies: see `interfaces.CollectorPolicy`.
      num_steps: see `interfaces.CollectorPolicy`.
    """
    epsilon, *weights = request
    self._q.set_weights(weights)
    exponents = self._exponents[copies.start : copies.stop]
    self._epsilons = epsilon.astype(np.float64) ** exponents[:, None]  # [n, K]
    draws = [
      np.random.default_rng([self._seed, copy, number]).random((2, num_steps))
      for copy in copies
    ]
    self._coins, self._choices = np.swapaxes(draws, 0, 1)  # [n, K] each

  def action(self, observation: Any, place: int, step: int) -> int:
    """See `interfaces.CollectorPolicy`; actions count from 0."""
    if self._coins[place, step] < self._epsilons[place, step]:
      return self._random_action(self._choices[place, step], observation)
    return int(np.argmax(self._q(observation)))

  def _random_action(self, choice: float, observation: Any) -> int:
    """One of the allowed actions, from a number in [0, 1)."""
    allowed = np.arange(self._num_actions)
    if isinstance(observation, dict) and ACTION_MASK in observation:
      named = np.flatnonzero(observation[ACTION_MASK])
      # A mask that allows none, as after an episode's end, allows all.
      allowed = named if len(named) else allowed
    return int(allowed[int(choice * len(allowed))])
