"""From a gymnasium id to an environment to train on or to evaluate in."""

import contextlib
import functools
import importlib
import multiprocessing
import signal
from collections.abc import Callable

import gymnasium as gym

from agents_pipeline import errors
from agents_pipeline.environments import gymnasium_adapter
from agents_pipeline.environments.tensor import (
  acrobot,
  cart_pole,
  mountain_car,
  pendulum,
  tensor_environment,
)

TrainingEnvironment = (
  tensor_environment.TensorEnvironment | gymnasium_adapter.HostEnvironment
)

# gymnasium id -> (batch_size, rng) -> environment.
TENSOR_ENVIRONMENTS: dict[
  str, Callable[..., tensor_environment.TensorEnvironment]
] = {
  "Acrobot-v1": functools.partial(acrobot.Acrobot, 500),
  "CartPole-v0": functools.partial(cart_pole.CartPole, 200),
  "CartPole-v1": functools.partial(cart_pole.CartPole, 500),
  "MountainCar-v0": functools.partial(mountain_car.MountainCar, 200),
  "Pendulum-v1": functools.partial(pendulum.Pendulum, 200),
}


def environment_spec(name: str) -> gym.envs.registration.EnvSpec:
  """Looks an id up, and imports the module in front of it first.

  Args:
    name: a gymnasium id, or `package.module:Id-v0`.

  Raises:
    UserError: the module cannot be imported or nothing has this id.
  """
  module, _, environment_id = name.rpartition(":")
  # Atari's environments are registered by importing ale_py.
  for to_import in ([module] if module else []) + (
    ["ale_py"] if environment_id.startswith("ALE/") else []
  ):
    try:
      importlib.import_module(to_import)
    except (ImportError, TypeError, ValueError) as error:
      raise errors.UserError(
        f"environment {name!r}: cannot import {to_import!r} ({error})"
      ) from None
  with contextlib.suppress(gym.error.Error):
    return gym.spec(environment_id)
  near = errors.nearest(environment_id, gym.registry)
  raise errors.UserError(
    f"unknown environment {name!r}: expected a registered gymnasium id or "
    f"package.module:Id-v0{near}"
  )


def is_tensor(name: str, backend: str) -> bool:
  """Whether training runs in TensorFlow ops.

  Args:
    name: a gymnasium id.
    backend: 'auto', 'tensor' or 'gymnasium'.

  Raises:
    UserError: 'tensor' is asked for and there is none.
  """
  if backend == "tensor" and name not in TENSOR_ENVIRONMENTS:
    raise errors.UserError(
      f"EnvironmentConfig.backend = 'tensor': {name!r} has no tensor version; "
      f"expected one of {', '.join(TENSOR_ENVIRONMENTS)}, or the backend "
      "'gymnasium'"
    )
  return backend != "gymnasium" and name in TENSOR_ENVIRONMENTS


def make_training_environment(config, rng, episode_seed) -> TrainingEnvironment:
  """Makes what is trained on, not yet reset.

  Args:
    config: an `EnvironmentConfig`.
    rng: a `RandomStream`, for tensor environments.
    episode_seed: (environment index, episode number) -> seed, for Python ones.

  Raises:
    UserError: the id is unknown or the environment cannot be made.
  """
  if is_tensor(config.name, config.backend):
    make = TENSOR_ENVIRONMENTS[config.name]
    return make(batch_size=config.num_envs, rng=rng)
  vector_env = _make_vector_environment(config)
  adapter = gymnasium_adapter.GymnasiumEnvironment(
    vector_env, config.name, episode_seed
  )
  return gymnasium_adapter.HostEnvironment(adapter)


def _leave_signals_to_the_run(env: gym.Env) -> gym.Env:
  """In a process of its own, an environment ends when the run tells it to.

  A terminal sends Ctrl-C to all processes; the run needs them to save.
  """
  if multiprocessing.parent_process() is not None:  # gymnasium makes one here
    for number in (signal.SIGINT, signal.SIGTERM):
      signal.signal(number, signal.SIG_IGN)
  return env


def _make_vector_environment(config) -> gym.vector.VectorEnv:
  spec = environment_spec(config.name)
  own = config.vectorization == "vector_entry_point"
  if own and spec.vector_entry_point is None:
    raise errors.UserError(
      "EnvironmentConfig.vectorization = 'vector_entry_point': "
      f"{config.name!r} has none; expected 'sync' or 'async'"
    )
  kwargs: dict = {}
  if not own:
    # We reset ourselves, so that every episode has a seed of its own.
    kwargs["vector_kwargs"] = {
      "autoreset_mode": gymnasium_adapter.AutoresetMode.DISABLED,
      "copy": False,  # the adapter copies
    }
  if config.vectorization == "async":
    # A fork of a process with TensorFlow's threads can hang.
    kwargs["vector_kwargs"]["context"] = "spawn"
    kwargs["wrappers"] = (_leave_signals_to_the_run,)
  with _one_line(config.name):
    return gym.make_vec(
      spec,
      num_envs=config.num_envs,
      vectorization_mode=config.vectorization,
      **kwargs,
    )


def make_evaluation_environment(
  name: str, render_mode: str | None = None
) -> gym.Env:
  """Makes one of gymnasium's own, never a tensor version.

  Raises:
    UserError: the id is unknown or the environment cannot be made.
  """
  spec = environment_spec(name)
  with _one_line(name):
    kwargs = {"render_mode": render_mode} if render_mode else {}
    return gym.make(spec, **kwargs)


def render_modes(name: str) -> list[str]:
  """The modes that gymnasium's environment of this id renders in."""
  env = make_evaluation_environment(name)
  modes = env.metadata.get("render_modes") or []
  env.close()
  return list(modes)


@contextlib.contextmanager
def _one_line(name: str):
  try:
    yield
  except (gym.error.Error, ImportError, TypeError, ValueError) as error:
    text = " ".join(str(error).split())
    raise errors.UserError(f"environment {name!r}: {text}") from None
