"""Renders without a display, and in the same process as TensorFlow.

MuJoCo loads the renderer that the variable MUJOCO_GL names as soon as it is
imported. OSMesa brings its own LLVM; if its symbols are mistaken for those of
TensorFlow's LLVM, the process crashes when it compiles. So a process that
renders nothing imports MuJoCo without OSMesa, and one that renders loads OSMesa
in a way that keeps the two apart.
"""

import contextlib
import ctypes
import os
from collections.abc import Iterator

from agents_pipeline import errors

_MUJOCO_RENDERER = "MUJOCO_GL"
_OSMESA = "libOSMesa.so.8"

# SDL, and with it pygame, draws without a window and plays no sounds. Not the
# driver "dummy": some environments render nothing when they see its name.
_VIDEO_DRIVER, _OFFSCREEN = "SDL_VIDEODRIVER", "offscreen"
os.environ.setdefault(_VIDEO_DRIVER, _OFFSCREEN)
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")


def environ_with_windows() -> dict[str, str]:
  """The environment variables of a process that may open a window."""
  if os.environ[_VIDEO_DRIVER] != _OFFSCREEN:
    return dict(os.environ)
  return os.environ | {_VIDEO_DRIVER: ""}  # SDL's own choice


def allow_windows() -> None:
  """Lets SDL open windows in this process from here on."""
  os.environ.update(environ_with_windows())


def _is_osmesa() -> bool:
  return os.environ.get(_MUJOCO_RENDERER, "").strip().lower() == "osmesa"


@contextlib.contextmanager
def without_renderer() -> Iterator[None]:
  """MuJoCo, imported in this context, does not load OSMesa.

  The same holds for processes that are started in this context.
  """
  if not _is_osmesa():
    yield
    return
  before = os.environ[_MUJOCO_RENDERER]
  os.environ[_MUJOCO_RENDERER] = "disabled"
  try:
    yield
  finally:
    os.environ[_MUJOCO_RENDERER] = before


@contextlib.contextmanager
def with_renderer() -> Iterator[None]:
  """MuJoCo, imported in this context, can render beside TensorFlow.

  Raises:
    UserError: the error raised in this context; if OSMesa cannot be loaded, the
      message says so as well.
  """
  load_error = None
  if _is_osmesa():
    deep_bind = getattr(os, "RTLD_DEEPBIND", 0)  # prefer its own symbols
    try:
      ctypes.CDLL(_OSMESA, mode=deep_bind | os.RTLD_NOW)
    except OSError as error:
      load_error = error
  try:
    yield
  except errors.UserError as error:
    if load_error is None:
      raise
    raise errors.UserError(
      f"{error}; {_MUJOCO_RENDERER}='osmesa', but the library OSMesa cannot be "
      f"loaded ({load_error})"
    ) from None
