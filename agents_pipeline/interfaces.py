"""What the stages of a pipeline expect of each other.

    Environment -> driver -> Replay -> Agent       DQN and its family
    Environment -> driver -> rollout -> Agent      A2C

B is the number of environments, S the batch size of an update, T the number of
steps of a rollout. `step_and_reset` of tensor environments, `time_steps`,
`add`, `sample`, `update_priorities` and `train` can be compiled by XLA.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, Protocol

import gymnasium as gym
import numpy as np
import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

# The time step that an action led to, and the one to act from next.
Stepped = tuple[ts.TimeStep, ts.TimeStep]


class Environment(Protocol):
  """B copies of a task that are stepped together."""

  @property
  def batch_size(self) -> int:
    """The number of copies, B."""

  @property
  def tracked(self) -> Any:
    """What a checkpoint keeps of the copies: where every episode stands."""

  def observation_spec(self) -> Any:
    """Spec of one copy's observations."""

  def action_spec(self) -> Any:
    """Spec of one copy's actions; whole numbers count from 0."""

  def reset(self) -> ts.TimeStep:
    """Begins the first episodes; returns the time step to act from."""

  def current_time_step(self) -> ts.TimeStep:
    """The time step to act from, [B, ...]."""

  def step_and_reset(self, action: tf.Tensor) -> Stepped:
    """Takes actions [B, ...]; where an episode ends, begins the next one.

    Returns:
      The time step reached, with an episode's true last observation, and the
      time step to act from: the first of the next episode where one ended, else
      the same. Where an environment spends a step on resetting, that step
      reaches a FIRST time step and counts as no env step.
    """

  def reraise_failures(self, call: Callable) -> Callable:
    """The compiled call, raising what an environment raised within it."""

  def resume(self) -> bool:
    """Continues a restored run; returns whether it does so exactly."""

  def close(self) -> None:
    """Ends the copies and their processes."""


class Copy(Protocol):
  """A copy of the environment to evaluate in.

  A reset or a step is begun in every copy before the first result is waited
  for, so copies in other processes do it at the same time.

  Attributes:
    observation_space: gymnasium's observation space of the copy.
    label: the description of this copy in messages; may be set.
  """

  observation_space: gym.Space
  label: str

  def begin_reset(self, seed: int) -> Callable[[], tuple]:
    """Begins an episode; returns a function that gives (observation, info)."""

  def begin_step(self, action: Any) -> Callable[[], tuple]:
    """Begins an env step; returns a function that gives what `step` returns."""

  def fail(self, reason: str) -> NoReturn:
    """Raises EnvironmentFailure, for the given reason."""

  def close(self) -> None:
    """Closes the copy."""


class PythonEnvironment(Environment, Protocol):
  """Copies that live in Python, stepped from inside a graph.

  `step_and_reset` in two parts: one crosses into Python, the other can be
  compiled together with what follows.
  """

  def step_in_python(
    self, action: tf.Tensor, *, defer_failure: bool = False
  ) -> list[tf.Tensor]:
    """Takes actions [B, ...] and returns the arrays that crossed.

    Args:
      action: the actions [B, ...] of all copies.
      defer_failure: whether a failure is raised by `checked` alone.
    """

  def checked(self, arrays: list[tf.Tensor]) -> list[tf.Tensor]:
    """The same arrays; raises where an environment failed."""

  def actions_taken(
    self, arrays: list[tf.Tensor], action: tf.Tensor
  ) -> tf.Tensor:
    """The actions [B, ...] that led to the arrays that crossed.

    Args:
      arrays: the arrays that `step_in_python` returned.
      action: the actions that `step_in_python` was given; returned as they are,
        unless collectors chose others.
    """

  def stack_of(self, time_step: ts.TimeStep) -> tf.Tensor | tuple[()]:
    """The frames [B, N, ...] that the next stack continues; () if none are."""

  def time_steps(
    self, arrays: list[tf.Tensor], stack: tf.Tensor | tuple[()] = ()
  ) -> Stepped:
    """What `step_and_reset` returns, from the arrays that crossed.

    Args:
      arrays: the arrays that `step_in_python` returned.
      stack: what `stack_of` gave for the time step that was acted from.
    """


class CollectorPolicy(Protocol):
  """Chooses the actions of the copies of one actor; it is pickled.

  It acts in one copy at a time: matrix products are rounded differently for
  batches of other sizes, so actions would depend on how many copies an actor
  has.
  """

  def prepare(self) -> None:
    """Called once in the actor, before anything else."""

  def begin_chunk(
    self, request: list[np.ndarray], number: int, copies: range, num_steps: int
  ) -> None:
    """Takes the weights for a chunk.

    Args:
      request: arrays of the learner, with the weights among them.
      number: the number of the chunk in the run. The random numbers of a copy
        depend only on this and on the index of the copy.
      copies: the indices of this actor's copies among all B.
      num_steps: env steps of each copy in this chunk.
    """

  def action(self, observation: Any, place: int, step: int) -> int:
    """The action of one copy.

    Args:
      observation: [...] as the environment gave it, or leaves by name.
      place: the index of the copy among those of this actor.
      step: the index of the env step in the chunk.
    """


class Collecting(NamedTuple):
  """How collectors collect.

  Attributes:
    policy: the policy that acts in each collector.
    num_steps: the env steps of every environment in a chunk.
    is_ahead: whether a chunk is collected while the agent learns from the one
      before it.
  """

  policy: CollectorPolicy
  num_steps: int
  is_ahead: bool


class Sample(NamedTuple):
  """What an agent trains on.

  Attributes:
    transitions: n-step transitions [S, ...]: the next time step holds the sum
      of the rewards, the product of the discounts, and the observation to
      bootstrap from.
    weights: [S] float32, importance weights of the losses; None where all
      are 1.
    handle: what tells `update_priorities` which transitions these are.
  """

  transitions: trajectory.Transition
  weights: tf.Tensor | None = None
  handle: Any = ()


class Replay(Protocol):
  """Experience that transitions are sampled from."""

  def add(self, transition: trajectory.Transition) -> Any:
    """Adds the newest transition of every environment, [B, ...].

    Returns:
      The operations that must be done before anything is sampled by tf.data.
    """

  def sample(self) -> Sample:
    """Samples n-step transitions."""

  def update_priorities(self, handle: Any, td_error: tf.Tensor) -> None:
    """Takes the TD errors [S] of a sample; uniform replay ignores them.

    The sample may be older than the newest transitions: what was overwritten
    since must keep the priority of what is there now.
    """

  def abandon_episodes(self) -> None:
    """Closes the episodes under way, which will not be continued."""


class Agent(Protocol):
  """A TF-Agents agent with what its training reports.

  Attributes:
    network: the network that learns.
    policy: the greedy policy.
    optimizer: the Keras optimizer.
    train_step_counter: [] int64, the number of updates so far.
    measures: name -> function of a train step's info that gives [] float32; the
      mean over an interval is logged under this name.
    measure_bounds: name -> how large a measure may be; beyond plus or minus
      that the agent has diverged.
  """

  network: Any
  policy: Any
  optimizer: Any
  train_step_counter: tf.Variable
  measures: dict[str, Callable[[tf_agent.LossInfo], tf.Tensor]]
  measure_bounds: dict[str, float]

  def initialize(self) -> Any:
    """Copies the network's weights to what follows it: a target network."""

  def train(
    self, experience: trajectory.Transition, weights: tf.Tensor | None = None
  ) -> tf_agent.LossInfo:
    """One update, from transitions [S, ...] or a rollout [T, B, ...].

    Returns:
      The loss info; for an agent that trains on a replay, its `extra.td_error`
      is [S] float32.
    """
