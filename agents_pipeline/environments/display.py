"""Pictures without a display, and beside TensorFlow.

MuJoCo loads the renderer that the variable MUJOCO_GL names as soon as it is
imported. OSMesa brings an LLVM of its own, and where its symbols are taken for
those of TensorFlow's LLVM, the process crashes when it compiles. So a process
that draws nothing imports MuJoCo without OSMesa, and one that draws loads
OSMesa in a way that keeps the two apart.
"""

import contextlib
import ctypes
import os
from collections.abc import Iterator

from agents_pipeline import errors

_MUJOCO_RENDERER = "MUJOCO_GL"
_OSMESA = "libOSMesa.so.8"

# SDL, and with it pygame, draws without a window and plays no sounds. Its
# driver "dummy" draws nothing at all for those who look at this variable.
os.environ.setdefault("SDL_VIDEODRIVER", "offscreen")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")


def _is_osmesa() -> bool:
  return os.environ.get(_MUJOCO_RENDERER, "").strip().lower() == "osmesa"


@contextlib.contextmanager
def without_renderer() -> Iterator[None]:
  """MuJoCo that is imported within does not load OSMesa.

  The same holds for processes that are started within.
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
  """MuJoCo that is imported within can draw, also beside TensorFlow.

  Raises:
    UserError: what is done within raises one, and OSMesa is missing; then it
      says so.
  """
  missing = None
  if _is_osmesa():
    apart = getattr(os, "RTLD_DEEPBIND", 0)  # its symbols from itself first
    try:
      ctypes.CDLL(_OSMESA, mode=apart | os.RTLD_NOW)
    except OSError as error:
      missing = error
  try:
    yield
  except errors.UserError as error:
    if missing is None:
      raise
    raise errors.UserError(
      f"{error}; {_MUJOCO_RENDERER}='osmesa', but the library OSMesa cannot be "
      f"loaded ({missing})"
    ) from None
