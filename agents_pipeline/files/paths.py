"""Paths that a user gives, looked at before any work."""

import os
import pathlib
import re
import sys

from agents_pipeline import errors

_PATTERNS = "[]*?\\"
# gs://bucket/run, and what is left of it as a path: gs:/bucket/run.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")


def from_text(flag: str, text: str | os.PathLike) -> pathlib.Path:
  """The path that a user means: on this machine, `~` is a home folder.

  Args:
    flag: that gives it, for messages.
    text: what was typed.

  Raises:
    UserError: it is a URL, no text, too long, may not be looked at, or is in
      the home folder of nobody.
  """
  text = os.fspath(text)
  if "\0" in text or not is_text(text):
    raise errors.UserError(
      f"{flag}={text!r}: expected a name of {sys.getfilesystemencoding()} text"
    )
  url = _URL.match(text)
  if url and url.group(1).lower() == "file":
    raise errors.UserError(
      f"{flag}={text!r}: expected a path; did you mean "
      f"'/{text[url.end() :].lstrip('/')}'?"
    )
  if url:
    raise errors.UserError(
      f"{flag}={text!r}: expected a path on this machine, not a URL; a folder "
      f"of that name is './{pathlib.Path(text)}'"
    )
  try:
    path = pathlib.Path(text).expanduser()
    os.stat(path)
  except (FileNotFoundError, NotADirectoryError):
    pass
  except OSError as error:
    raise _refused(flag, text, error) from None
  except RuntimeError:
    user = pathlib.Path(text).parts[0][1:]
    whose = f"of a user {user!r}" if user else "of yours"
    raise errors.UserError(
      f"{flag}={text!r}: there is no home folder {whose}"
    ) from None
  return path


def is_text(typed: str) -> bool:
  """Whether it is text: Python keeps other bytes as half characters."""
  try:
    typed.encode("utf-8")
  except UnicodeEncodeError:
    return False
  return True


def _refused(flag: str, path: object, error: OSError) -> errors.UserError:
  return errors.UserError(f"{flag}={path!s:.60}...: {error.strerror}")


def check_no_pattern(flag: str, path: pathlib.Path) -> None:
  """Raises UserError where TensorFlow would take a path for a pattern.

  Args:
    flag: that names it, for messages.
    path: where something is read or written.
  """
  if any(c in str(path.absolute()) for c in _PATTERNS):
    raise errors.UserError(
      f"{flag}={str(path)!r}: expected a path without any of "
      f"{' '.join(_PATTERNS)}, which TensorFlow takes for patterns"
    )


def nearest_existing(flag: str, path: pathlib.Path) -> pathlib.Path:
  """The last thing on the way to a path that exists.

  Args:
    flag: that names it, for messages.
    path: where something is to be written.

  Raises:
    UserError: TensorFlow would take it for a pattern, or it is too long.
  """
  check_no_pattern(flag, path)
  try:
    while not path.exists():
      path = path.parent
  except OSError as error:
    raise _refused(flag, path, error) from None
  return path
