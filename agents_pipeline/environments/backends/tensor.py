"""The backend 'tensor': our own environments in TensorFlow ops."""

import dataclasses
import functools
import inspect
from collections.abc import Callable

from agents_pipeline import errors
from agents_pipeline.config import schema
from agents_pipeline.environments.tensor import (
  acrobot,
  cart_pole,
  flappy_ball,
  mountain_car,
  pendulum,
  tensor_environment,
)
from agents_pipeline.environments.tensor.minatar import (
  asterix,
  breakout,
  freeway,
  seaquest,
  space_invaders,
)
from agents_pipeline.ops import random_stream

ON_DEVICE = True

# gymnasium id -> (batch_size, rng) -> environment.
ENVIRONMENTS: dict[str, Callable[..., tensor_environment.TensorEnvironment]] = {
  "Acrobot-v1": functools.partial(acrobot.Acrobot, 500),
  "CartPole-v0": functools.partial(cart_pole.CartPole, 200),
  "CartPole-v1": functools.partial(cart_pole.CartPole, 500),
  "FlappyBall-v0": flappy_ball.FlappyBall,
  "MountainCar-v0": functools.partial(mountain_car.MountainCar, 200),
  "Pendulum-v1": functools.partial(pendulum.Pendulum, 200),
  **{
    f"MinAtar/{game.__name__}-{version}": functools.partial(
      game, use_minimal_action_set=is_minimal
    )
    for game in (
      asterix.Asterix,
      breakout.Breakout,
      freeway.Freeway,
      seaquest.Seaquest,
      space_invaders.SpaceInvaders,
    )
    for version, is_minimal in (("v0", False), ("v1", True))
  },
}


def supports(config: schema.EnvironmentConfig) -> bool:
  """Whether a tensor version with these settings exists."""
  return (
    config.name in ENVIRONMENTS
    and config.observation.is_plain
    and _supports_settings(config)
  )


def _supports_settings(config: schema.EnvironmentConfig) -> bool:
  """Whether all settings are as registered, except arguments that it takes."""
  rest = dataclasses.replace(config, arguments={})
  known = _arguments(config.name)
  return rest.is_as_registered and config.arguments.keys() <= known.keys()


def _arguments(name: str) -> dict[str, inspect.Parameter]:
  """The arguments of an environment that its tensor version takes too."""
  if name not in ENVIRONMENTS:
    return {}
  parameters = inspect.signature(ENVIRONMENTS[name]).parameters
  return {k: p for k, p in parameters.items() if p.kind is p.KEYWORD_ONLY}


def make(
  config: schema.EnvironmentConfig,
  rng: random_stream.RandomStream,
  episode_seed,
  collecting=None,
) -> tensor_environment.TensorEnvironment:
  """Makes the environment, not yet reset.

  Args:
    config: the environment to make.
    rng: the source of its random numbers.
    episode_seed: unused.
    collecting: unused: actors have no tensor environments.

  Raises:
    UserError: there is no tensor version, or a vectorization was chosen.
  """
  del episode_seed, collecting
  if not _supports_settings(config):
    known = ", ".join(_arguments(config.name))
    raise errors.UserError(
      "EnvironmentConfig.backend = 'tensor': tensor environments take no "
      f"{f'arguments but {known}' if known else 'arguments'}, wrappers or "
      "other max_episode_steps; expected EnvironmentConfig.backend = 'auto'"
    )
  if not supports(config):
    raise errors.UserError(
      f"EnvironmentConfig.backend = 'tensor': {config.name!r} has no tensor "
      f"version; expected one of {', '.join(ENVIRONMENTS)}, or the "
      "backend 'gymnasium'"
    )
  if config.vectorization != "sync":
    raise errors.UserError(
      f"EnvironmentConfig.vectorization = {config.vectorization!r}: "
      f"{config.name!r} is trained on in TensorFlow ops, which nothing "
      "vectorizes; expected EnvironmentConfig.backend = 'gymnasium' with it"
    )
  return ENVIRONMENTS[config.name](
    batch_size=config.num_envs, rng=rng, **config.arguments
  )
