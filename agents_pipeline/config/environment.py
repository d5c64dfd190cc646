"""What to act in: `EnvironmentConfig`."""

import ast
import json
from collections.abc import Mapping
from typing import Any

import gin

from agents_pipeline import errors
from agents_pipeline.config import encoders, fields, observations, rewards

# Modules of `environments/backends/`; 'auto' takes the first that fits.
BACKENDS = ("tensor", "gymnasium")

_MOST_PROCESSES = 1_024
_MOST_ACTORS = 4_096
_MOST_ENVS = 2**24  # more do not fit into any memory


@fields.config
class EnvironmentConfig:
  """What to act in.

  Attributes:
    name: a gymnasium id; `package.module:Id-v0` imports the module first.
    arguments: arguments that `gym.make` passes to the environment, such as
      {'is_slippery': False}.
    max_episode_steps: env steps after which an episode is truncated; None for
      the limit that the environment was registered with.
    wrappers: names of gymnasium's wrappers, or 'package.module:MyWrapper', each
      alone or with its arguments: ('DiscretizeAction', {'bins': 5}). The first
      is the innermost; `observation` comes around all of them.
    num_envs: the number of copies that are stepped together.
    backend: the version of the environment: 'tensor' is our own in TensorFlow
      ops, 'gymnasium' is gymnasium's. 'auto' takes the tensor version where
      there is one that can do what is bound: not with wrappers,
      max_episode_steps, an action mask, keys of the encoder, another
      observation, or arguments that it does not have. The tensor version
      refuses a vectorization other than 'sync'; bind 'gymnasium' with it.
    vectorization: how gymnasium runs several copies: 'sync' in this process,
      'async' each in a process of its own, 'vector_entry_point' by the
      environment's own vector version, 'ray' in actors of Ray, on this machine
      or those of a cluster (`train --address`).
    copies_per_actor: the number of copies that each actor steps, one after the
      other, with 'ray'.
    observation: what the agent observes.
    encoder: how each key of a Dict or Tuple observation is encoded.
    action_mask: where to find the mask of allowed actions, [A] of 0 and 1:
      'info' is `info['action_mask']`, anything else a key of the observation.
      None allows every action.
    max_episode_env_steps: env steps after which an episode in Python that has
      not ended is an error; None lets an episode go on for ever.
    step_timeout_seconds: the longest that a copy may take for a step: beyond
      this, 'async' raises an error, and with 'ray' another actor takes its
      place. A video is given up if its process takes longer than this, or 60 s
      if that is more.
    reward: the reward to train on. Evaluations and logged returns always use
      the environment's own.
  """

  name: str = fields.text(gin.REQUIRED)
  arguments: dict = fields.arguments("{'is_slippery': False}")
  max_episode_steps: int | None = fields.integer(None, optional=True)
  wrappers: tuple = fields.calls()
  num_envs: int = fields.integer(1, high=_MOST_ENVS)
  backend: str = fields.choice("auto", *BACKENDS)
  vectorization: str = fields.choice(
    "sync", "async", "vector_entry_point", "ray"
  )
  copies_per_actor: int = fields.integer(1, high=_MOST_ENVS)
  observation: observations.Observation = fields.component(
    observations.OwnObservation, observations.Observation
  )
  encoder: encoders.ObservationEncoder = fields.component(
    encoders.ObservationEncoder, encoders.ObservationEncoder
  )
  action_mask: str | None = fields.text(None, optional=True)
  max_episode_env_steps: int | None = fields.integer(100_000, optional=True)
  step_timeout_seconds: float = fields.number(300.0, above=True)
  reward: rewards.Reward = fields.component(rewards.KeepReward, rewards.Reward)

  @property
  def is_as_registered(self) -> bool:
    """Whether it is what its id stands for, without any change."""
    return not (
      self.arguments
      or self.wrappers
      or self.max_episode_steps is not None
      or self.encoder.keys
      or self.action_mask is not None
    )

  def to_json(self) -> dict[str, Any]:
    """What the environment is made of: all that an evaluation depends on."""
    return {
      "environment": self.name,
      "arguments": _to_json(self.arguments),
      "max_episode_steps": self.max_episode_steps,
      "wrappers": [
        [name, _to_json(arguments)] for name, arguments in self.wrappers
      ],
      "keys": self.encoder.keys,
      "action_mask": self.action_mask,
    }

  def validate(self) -> None:
    """Compares fields with each other."""
    self.observation.check_fits(self.name, self.vectorization)
    own_version = self.vectorization == "vector_entry_point"
    if self.action_mask == "info" and own_version:
      raise errors.UserError(
        "EnvironmentConfig.action_mask = 'info': an environment's own vector "
        "version gives no mask for the last step of an episode; expected "
        "EnvironmentConfig.vectorization = 'sync' or 'async', or a key of the "
        "observation"
      )
    ours = {"render_mode", *self.observation.make_arguments()}
    for name in self.arguments.keys() & ours:
      raise errors.UserError(
        f"EnvironmentConfig.arguments = {self.arguments!r}: {name!r} is chosen "
        "by the observation and by videos; expected others"
      )
    limit, endless = self.max_episode_steps, self.max_episode_env_steps
    if limit is not None and endless is not None and limit > endless:
      raise errors.UserError(
        f"EnvironmentConfig.max_episode_steps = {limit}: expected at most "
        f"EnvironmentConfig.max_episode_env_steps = {endless}, beyond which an "
        "episode is an error"
      )
    if self.backend == "tensor" and not self.observation.is_plain:
      raise errors.UserError(
        f"EnvironmentConfig.observation = {self.observation!r}: tensor "
        "environments give only their own observations; expected "
        "EnvironmentConfig.backend = 'auto'"
      )
    self._check_processes()

  def _check_processes(self) -> None:
    """Refuses more processes than a machine has room for."""
    if self.vectorization == "async" and self.num_envs > _MOST_PROCESSES:
      raise errors.UserError(
        f"EnvironmentConfig.num_envs = {self.num_envs}: 'async' gives each a "
        f"process of its own; expected at most {_MOST_PROCESSES}, or "
        "EnvironmentConfig.vectorization = 'sync'"
      )
    if self.vectorization == "ray":
      num_actors = -(-self.num_envs // self.copies_per_actor)
      if num_actors > _MOST_ACTORS:
        raise errors.UserError(
          f"EnvironmentConfig.copies_per_actor = {self.copies_per_actor}: "
          f"{self.num_envs} copies take {num_actors} actors; expected enough "
          f"for at most {_MOST_ACTORS}"
        )
    elif self.copies_per_actor != 1:
      raise errors.UserError(
        f"EnvironmentConfig.copies_per_actor = {self.copies_per_actor}: there "
        f"are no actors with vectorization = {self.vectorization!r}; expected "
        "1, or EnvironmentConfig.vectorization = 'ray'"
      )


def from_json(written: Mapping[str, Any]) -> EnvironmentConfig:
  """The environment that `EnvironmentConfig.to_json` wrote.

  Args:
    written: the file's content; may lack everything but "environment".

  Raises:
    UserError: `to_json` has not written this.
  """
  try:
    return EnvironmentConfig(
      name=written["environment"],
      arguments=_arguments(written.get("arguments", {})),
      max_episode_steps=written.get("max_episode_steps"),
      wrappers=tuple(
        (name, _arguments(arguments))
        for name, arguments in written.get("wrappers", ())
      ),
      encoder=encoders.ObservationEncoder(written.get("keys", {})),
      action_mask=written.get("action_mask"),
    )
  except errors.UserError:
    raise
  except (LookupError, TypeError, ValueError, SyntaxError) as error:
    raise errors.UserError(
      f"policy.json does not say how its environment is made: {error}"
    ) from None


def _arguments(written: Any) -> Any:
  """The arguments that `_to_json` wrote."""
  return ast.literal_eval(written) if isinstance(written, str) else written


def _to_json(arguments: dict[str, Any]) -> Any:
  """Arguments as JSON; as a text of Python where that has tuples."""
  survives = json.loads(json.dumps(arguments)) == arguments
  return arguments if survives else repr(arguments)
