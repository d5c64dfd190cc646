"""Paths that a person gives, looked at before any work."""

import pathlib

from agents_pipeline import errors

_PATTERNS = "[]*?\\"


def nearest_existing(flag: str, path: pathlib.Path) -> pathlib.Path:
  """The last thing on the way to a path that exists.

  Args:
    flag: that names it, for messages.
    path: where something is to be written.

  Raises:
    UserError: TensorFlow would take it for a pattern, or it is too long.
  """
  if any(c in str(path.absolute()) for c in _PATTERNS):
    raise errors.UserError(
      f"{flag}={str(path)!r}: expected a path without any of "
      f"{' '.join(_PATTERNS)}, which TensorFlow takes for patterns"
    )
  try:
    while not path.exists():
      path = path.parent
  except OSError as error:
    raise errors.UserError(
      f"{flag}={path!s:.60}...: {error.strerror}"
    ) from None
  return path
