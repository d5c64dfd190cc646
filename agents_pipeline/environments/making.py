"""From a gymnasium id to gymnasium's environment. Needs no TensorFlow."""

import contextlib
import functools
import importlib
import sys
import traceback

import gymnasium as gym

from agents_pipeline import errors
from agents_pipeline.config import observations
from agents_pipeline.config import schema as experiment_config
from agents_pipeline.environments import checked, display

# Their messages say all.
_TOLD_BY_GYMNASIUM = (
  gym.error.Error,
  AssertionError,
  ImportError,
  TypeError,
  ValueError,
)


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
    except (Exception, SystemExit) as error:  # whatever its code raises
      told = (
        error if isinstance(error, ImportError) else checked.one_line(error)
      )
      is_missing = isinstance(error, ModuleNotFoundError)
      raise errors.UserError(
        f"environment {name!r}: cannot import {to_import!r} ({told})",
        "" if is_missing else traceback.format_exc(),
      ) from None
  if ale_py := sys.modules.get("ale_py"):  # it would greet on stderr
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Warning)
  with contextlib.suppress(gym.error.Error):
    return gym.spec(environment_id)
  near = errors.nearest(environment_id, gym.registry)
  raise errors.UserError(
    f"unknown environment {name!r}: expected a registered gymnasium id or "
    f"package.module:Id-v0{near}"
  )


def make_vector_environment(
  config: experiment_config.EnvironmentConfig,
) -> gym.vector.VectorEnv:
  """Makes the copies of gymnasium's environment that are trained on.

  Raises:
    UserError: the id is unknown or the environment cannot be made.
  """
  with _display(config):
    return _make_vector_environment(config)


def _make_vector_environment(config) -> gym.vector.VectorEnv:
  spec = environment_spec(config.name)
  if config.vectorization == "vector_entry_point":
    if spec.vector_entry_point is None:
      raise errors.UserError(
        "EnvironmentConfig.vectorization = 'vector_entry_point': "
        f"{config.name!r} has none; expected 'sync' or 'async'"
      )
    kwargs = config.observation.vector_arguments()
  else:
    kwargs = config.observation.make_arguments()
    # We reset ourselves, so that every episode has a seed of its own.
    kwargs["vector_kwargs"] = {
      "autoreset_mode": gym.vector.AutoresetMode.DISABLED,
      "copy": False,  # the adapter copies
    }
    kwargs["wrappers"] = [
      *config.observation.wrappers(),
      functools.partial(checked.Watched, name=config.name),
    ]
  if config.vectorization == "async":
    # A fork of a process with TensorFlow's threads can hang.
    kwargs["vector_kwargs"]["context"] = "spawn"
    kwargs["wrappers"].append(checked.leave_signals_to_the_run)
  several = f"{config.name}, {config.num_envs} copies"
  with one_line(config.name if config.num_envs == 1 else several):
    made = gym.make_vec(
      spec,
      num_envs=config.num_envs,
      vectorization_mode=config.vectorization,
      **kwargs,
    )
    _check_number(made, config)
  return made


def _check_number(made: gym.vector.VectorEnv, config) -> None:
  """Refuses a vector version that makes its own number of copies."""
  if made.num_envs != config.num_envs:
    made.close()
    raise errors.UserError(
      f"EnvironmentConfig.num_envs = {config.num_envs}: the vector version of "
      f"{config.name!r} makes {made.num_envs}; expected that number, or "
      "EnvironmentConfig.vectorization = 'sync'"
    )


def make_evaluation_environment(
  config: experiment_config.EnvironmentConfig, render_mode: str | None = None
) -> gym.Env:
  """Makes one of gymnasium's own, never a tensor version.

  Its rewards are its own, whatever is learnt from.

  Args:
    config: its `name` and `observation` count.
    render_mode: of a video.

  Raises:
    UserError: the id is unknown or the environment cannot be made.
  """
  with _display(config, render_mode):
    return _make_evaluation_environment(config, render_mode)


def _display(config, render_mode: str | None = None):
  """A renderer only where it is needed: it may crash beside TensorFlow."""
  # Also where the environment itself observes pictures: it may draw them.
  draws = isinstance(config.observation, observations.ImageObservation)
  if draws or render_mode:
    return display.with_renderer()
  return display.without_renderer()


def _make_evaluation_environment(config, render_mode) -> gym.Env:
  spec = environment_spec(config.name)
  _check_renders(config, spec)
  kwargs = config.observation.make_arguments()
  if render_mode:
    kwargs["render_mode"] = render_mode
  with one_line(config.name):
    env = gym.make(spec, **kwargs)
    for wrap in config.observation.wrappers():
      env = wrap(env)
    return checked.Watched(env, config.name)


def _check_renders(config, spec) -> None:
  """Refuses pictures of what does not draw any."""
  make = spec.entry_point
  if isinstance(make, str):
    with one_line(config.name):
      make = gym.envs.registration.load_env_creator(make)
  # Where a function makes it, only the environment itself knows.
  modes = getattr(make, "metadata", {}).get("render_modes")
  if config.observation.needs_rendering and (
    modes is not None and "rgb_array" not in modes
  ):
    raise errors.UserError(
      f"EnvironmentConfig.observation = {config.observation!r}: "
      f"{config.name!r} renders {modes}; expected one that renders 'rgb_array'"
    )


def render_modes(config: experiment_config.EnvironmentConfig) -> list[str]:
  """The modes that gymnasium's environment of this id renders in."""
  env = make_evaluation_environment(config)
  modes = env.metadata.get("render_modes") or []
  env.close()
  return list(modes)


@contextlib.contextmanager
def one_line(name: str):
  """One line for whatever is raised while an environment is made.

  Args:
    name: its id.

  Raises:
    UserError: with the traceback, where the environment's own code raised.
    RunError: the system has no more processes or open files.
  """
  try:
    yield
  except OSError as error:  # such as too many processes, or open files
    raise errors.RunError(
      f"environment {name!r}: {error.strerror or error}"
    ) from None
  except (errors.RunError, errors.UserError):
    raise
  except (Exception, SystemExit) as error:  # whatever its code raises
    text = " ".join(str(error).split())
    if not isinstance(error, _TOLD_BY_GYMNASIUM) or not text:
      text = checked.one_line(error)
    says_all = isinstance(error, (gym.error.Error, ModuleNotFoundError))
    raise errors.UserError(
      f"environment {name!r}: {text}",
      "" if says_all else traceback.format_exc(),
    ) from None
