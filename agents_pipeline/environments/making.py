"""Makes gymnasium environments from their ids. Needs no TensorFlow."""

import contextlib
import functools
import importlib
import inspect
import sys
import traceback

import gymnasium as gym

from agents_pipeline import errors
from agents_pipeline.config import schema
from agents_pipeline.environments import checked, display, leaves, wrapping

_OF_FILES = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
# Exceptions whose messages are clear without the name of their type.
_SELF_EXPLANATORY = (
  gym.error.Error,
  AssertionError,
  ImportError,
  TypeError,
  ValueError,
)


def environment_spec(name: str) -> gym.envs.registration.EnvSpec:
  """Looks up an id, and first imports the module in front of it.

  Args:
    name: a gymnasium id, or `package.module:Id-v0`.

  Raises:
    UserError: the module cannot be imported or the id is not registered.
  """
  module, _, environment_id = name.rpartition(":")
  if module:
    _import(module, name)
  if environment_id.startswith("ALE/"):
    _import("ale_py", name)  # it registers Atari's environments
  if ale_py := sys.modules.get("ale_py"):  # it would print a banner to stderr
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Warning)
  with contextlib.suppress(gym.error.Error):
    return gym.spec(environment_id)
  hint = errors.nearest(environment_id, gym.registry)
  raise errors.UserError(
    f"unknown environment {name!r}: expected a registered gymnasium id or "
    f"package.module:Id-v0{hint}"
  )


def _import(module: str, environment_name: str) -> None:
  try:
    importlib.import_module(module)
  except checked.USER_CODE_ERRORS as error:
    reason = (
      error
      if isinstance(error, ImportError)
      else checked.describe_exception(error)
    )
    is_missing = isinstance(error, ModuleNotFoundError)
    raise errors.UserError(
      f"environment {environment_name!r}: cannot import {module!r} ({reason})",
      "" if is_missing else traceback.format_exc(),
    ) from None


def make_vector_environment(
  config: schema.EnvironmentConfig,
) -> gym.vector.VectorEnv:
  """Makes the copies of a gymnasium environment to train on.

  Args:
    config: the settings: which environment, how many copies, and how they are
      stepped.

  Raises:
    UserError: the id is unknown or the environment cannot be made.
  """
  with _renderer_for(config):
    return _make_vector_environment(config)


def _make_vector_environment(config) -> gym.vector.VectorEnv:
  spec = environment_spec(config.name)
  if config.vectorization == "vector_entry_point":
    if spec.vector_entry_point is None:
      raise errors.UserError(
        "EnvironmentConfig.vectorization = 'vector_entry_point': "
        f"{config.name!r} has none; expected 'sync' or 'async'"
      )
    for field in ("max_episode_steps", "wrappers"):
      if value := getattr(config, field):
        raise errors.UserError(
          f"EnvironmentConfig.{field} = {value!r}: an environment's own vector "
          "version takes none; expected 'sync' or 'async' for "
          "EnvironmentConfig.vectorization"
        )
    kwargs = config.observation.vector_arguments() | config.arguments
  else:
    kwargs = _make_arguments(config)
    # The adapter resets them, so that every episode has its own seed.
    kwargs["vector_kwargs"] = {
      "autoreset_mode": gym.vector.AutoresetMode.DISABLED,
      "copy": False,  # the adapter copies
    }
    kwargs["wrappers"] = [
      *wrapping.wrappers_of(config),
      *config.observation.wrappers(),
      functools.partial(leaves.wrapper, config=config),
      functools.partial(checked.CheckedEnv, name=config.name),
    ]
  if config.vectorization == "async":
    # Forking a process with TensorFlow's threads can deadlock.
    kwargs["vector_kwargs"]["context"] = "spawn"
    kwargs["wrappers"].append(checked.ignore_signals_in_subprocess)
  copies = "" if config.num_envs == 1 else f", {config.num_envs} copies"
  with one_line(config.name + copies):
    env = gym.make_vec(
      spec,
      num_envs=config.num_envs,
      vectorization_mode=config.vectorization,
      **kwargs,
    )
    _check_num_envs(env, config)
  return env


def _make_arguments(config: schema.EnvironmentConfig) -> dict:
  """Arguments of `gym.make` for one copy."""
  arguments = config.observation.make_arguments() | config.arguments
  if config.max_episode_steps is not None:
    arguments["max_episode_steps"] = config.max_episode_steps
  return arguments


def _check_arguments(config: schema.EnvironmentConfig, spec) -> None:
  """Rejects arguments that the environment does not take."""
  creator = spec.entry_point
  if creator is None:
    return
  with one_line(config.name):
    if isinstance(creator, str):
      creator = gym.envs.registration.load_env_creator(creator)
  try:
    parameters = inspect.signature(creator).parameters.values()
  except (TypeError, ValueError):  # written in C: making it will tell
    return
  if any(p.kind is p.VAR_KEYWORD for p in parameters):
    return
  known = [p.name for p in parameters if p.name != "render_mode"]
  for name in config.arguments:
    if name not in known:
      hint = errors.nearest(name, known)
      if name == "max_episode_steps":
        hint = "; EnvironmentConfig.max_episode_steps is the time limit"
      raise errors.UserError(
        f"EnvironmentConfig.arguments = {config.arguments!r}: {config.name!r} "
        f"takes no {name!r}; expected "
        f"{'one of ' + ', '.join(known) if known else 'none'}{hint}"
      )
  given = {
    *spec.kwargs,
    *config.arguments,
    *config.observation.make_arguments(),
  }
  for parameter in parameters:
    is_required = parameter.default is parameter.empty
    is_named = parameter.kind in (
      parameter.POSITIONAL_OR_KEYWORD,
      parameter.KEYWORD_ONLY,
    )
    if is_required and is_named and parameter.name not in given:
      raise errors.UserError(
        f"environment {config.name!r} needs {parameter.name!r}; expected "
        f"EnvironmentConfig.arguments = {{{parameter.name!r}: ...}}"
      )


def _check_num_envs(env: gym.vector.VectorEnv, config) -> None:
  """Rejects a vector version that makes another number of copies."""
  if env.num_envs != config.num_envs:
    env.close()
    raise errors.UserError(
      f"EnvironmentConfig.num_envs = {config.num_envs}: the vector version of "
      f"{config.name!r} makes {env.num_envs}; expected that number, or "
      "EnvironmentConfig.vectorization = 'sync'"
    )


def make_evaluation_environment(
  config: schema.EnvironmentConfig, render_mode: str | None = None
) -> gym.Env:
  """Makes a gymnasium environment, never a tensor version.

  Its rewards are never shaped.

  Args:
    config: the environment's settings; how many copies are trained on does not
      matter.
    render_mode: the render mode, such as 'rgb_array' to record a video.

  Raises:
    UserError: the id is unknown or the environment cannot be made.
  """
  with _renderer_for(config, render_mode):
    return _make_evaluation_environment(config, render_mode)


def _renderer_for(config, render_mode: str | None = None):
  """A renderer only where it is needed, as it may crash beside TensorFlow."""
  if config.observation.may_render or render_mode:
    return display.with_renderer()
  return display.without_renderer()


def _make_evaluation_environment(config, render_mode) -> gym.Env:
  spec = environment_spec(config.name)
  _check_renders(config, spec)
  _check_arguments(config, spec)
  wrappers = wrapping.wrappers_of(config)
  kwargs = _make_arguments(config)
  if render_mode:
    kwargs["render_mode"] = render_mode
  with one_line(config.name):
    env = gym.make(spec, **kwargs)
    _check_reward(env, config.name)
    for wrap in (*wrappers, *config.observation.wrappers()):
      env = wrap(env)
    return checked.CheckedEnv(leaves.wrapper(env, config), config.name)


def _check_reward(env: gym.Env, name: str) -> None:
  """Rejects an environment that declares a vector of rewards."""
  space = getattr(env.unwrapped, "reward_space", None)  # of MO-Gymnasium
  shape: tuple = getattr(space, "shape", None) or ()
  if shape not in ((), (1,)):
    env.close()
    raise errors.UserError(
      f"environment {name!r} has a reward of {shape[0]} numbers; expected one, "
      "such as by a wrapper that weighs them"
    )


def _check_renders(config, spec) -> None:
  """Rejects image observations of an environment that renders no images."""
  creator = spec.entry_point
  if isinstance(creator, str):
    with one_line(config.name):
      creator = gym.envs.registration.load_env_creator(creator)
  # A function has no metadata: only the environment it makes has.
  modes = getattr(creator, "metadata", {}).get("render_modes")
  if config.observation.needs_rendering and (
    modes is not None and "rgb_array" not in modes
  ):
    raise errors.UserError(
      f"EnvironmentConfig.observation = {config.observation!r}: "
      f"{config.name!r} renders {modes}; expected one that renders 'rgb_array'"
    )


def render_modes(config: schema.EnvironmentConfig) -> list[str]:
  """Returns the render modes of a gymnasium environment."""
  env = make_evaluation_environment(config)
  modes = env.metadata.get("render_modes") or []
  env.close()
  return list(modes)


@contextlib.contextmanager
def one_line(name: str):
  """Converts whatever making an environment raises to errors of one line.

  Args:
    name: the environment's id.

  Raises:
    UserError: the environment cannot be made; with the traceback, if its own
      code raised.
    RunError: the system has no more processes or open files.
  """
  try:
    yield
  except _OF_FILES as error:  # such as a map that the environment reads
    raise errors.UserError(
      f"environment {name!r}: {checked.describe_exception(error)}",
      traceback.format_exc(),
    ) from None
  except OSError as error:  # such as too many processes, or open files
    raise errors.RunError(
      f"environment {name!r}: {error.strerror or error}"
    ) from None
  except (errors.RunError, errors.UserError):
    raise
  except checked.USER_CODE_ERRORS as error:
    text = " ".join(str(error).split())
    if not isinstance(error, _SELF_EXPLANATORY) or not text:
      text = checked.describe_exception(error)
    needs_no_trace = isinstance(error, (gym.error.Error, ModuleNotFoundError))
    raise errors.UserError(
      f"environment {name!r}: {text}",
      "" if needs_no_trace else traceback.format_exc(),
    ) from None
