"""Validation of the paths that a user types."""

import os
import pathlib
import re
import sys

from agents_pipeline import errors

_GLOB_CHARACTERS = "[]*?\\"
# Matches gs://bucket/run, and gs:/bucket/run, as pathlib normalizes it.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")


def from_text(flag: str, text: str | os.PathLike) -> pathlib.Path:
  """Parses a local path and expands `~`; it need not exist.

  Args:
    flag: the flag that the path was given by, for error messages.
    text: the path as the user typed it.

  Raises:
    UserError: the path is a URL, not valid text, too long, in a folder that may
      not be searched, or in an unknown user's home folder.
  """
  if not isinstance(text, (str, os.PathLike)):
    raise errors.UserError(f"{flag}={text!r}: expected a path")
  text = os.fsdecode(text)
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
    raise _invalid(flag, text, error) from None
  except RuntimeError:
    user = pathlib.Path(text).parts[0][1:]
    owner = f"user {user!r}" if user else "the current user"
    raise errors.UserError(
      f"{flag}={text!r}: {owner} has no home folder"
    ) from None
  return path


def is_text(typed: str) -> bool:
  """Whether a string is valid Unicode.

  Python decodes other bytes of a command line to lone surrogates.
  """
  try:
    typed.encode("utf-8")
  except UnicodeEncodeError:
    return False
  return True


def check_no_glob(flag: str, path: pathlib.Path) -> None:
  """Raises UserError if TensorFlow would expand a path as a glob pattern.

  Args:
    flag: the flag that the path was given by, for error messages.
    path: the path that TensorFlow will read or write.
  """
  if any(c in str(path.absolute()) for c in _GLOB_CHARACTERS):
    raise errors.UserError(
      f"{flag}={str(path)!r}: expected a path without any of "
      f"{' '.join(_GLOB_CHARACTERS)}, which TensorFlow takes for patterns"
    )


def nearest_existing(flag: str, path: pathlib.Path) -> pathlib.Path:
  """The path itself if it exists, otherwise its nearest existing parent.

  Args:
    flag: the flag that the path was given by, for error messages.
    path: the path to write to.

  Raises:
    UserError: the path is too long, or TensorFlow would take it for a glob
      pattern.
  """
  check_no_glob(flag, path)
  try:
    while not path.exists():
      path = path.parent
  except OSError as error:
    raise _invalid(flag, path, error) from None
  return path


def _invalid(flag: str, path: object, error: OSError) -> errors.UserError:
  return errors.UserError(f"{flag}={path!s:.60}...: {error.strerror}")
