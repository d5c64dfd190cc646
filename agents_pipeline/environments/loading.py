"""Makes the environment to train on from its configuration."""

import importlib
from typing import Any

from agents_pipeline import interfaces
from agents_pipeline.config import environment, schema
from agents_pipeline.environments import backends


def backend_of(config: schema.EnvironmentConfig) -> backends.Backend:
  """The module of `environments/backends/` that makes the environment."""
  if config.backend != "auto":
    return _backend(config.backend)
  known = map(_backend, environment.BACKENDS)
  return next(backend for backend in known if backend.supports(config))


def _backend(name: str) -> backends.Backend:
  module: Any = importlib.import_module(f"{backends.__name__}.{name}")
  return module


def make_training_environment(
  config: schema.EnvironmentConfig,
  rng,
  episode_seed,
  collecting: interfaces.Collecting | None = None,
) -> interfaces.Environment:
  """Makes the environment to train on, not yet reset.

  Args:
    config: the environment to make.
    rng: a `RandomStream`, for tensor environments.
    episode_seed: (environment index, episode number) -> the seed of that
      episode's reset, for Python environments.
    collecting: how actors of Ray collect; None where no actors collect.

  Raises:
    UserError: the id is unknown or the environment cannot be made.
  """
  return backend_of(config).make(config, rng, episode_seed, collecting)
