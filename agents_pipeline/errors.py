"""Errors that end a run, each with a message of one line."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
  """The user's input is wrong. Its message is one line; exit code 2."""

  def __init__(self, message: str, trace: str = ""):
    """Creates the error.

    Args:
      message: the message, of one line.
      trace: the traceback, if the user's own code raised; else "".
    """
    super().__init__(message)
    self.trace = trace


class RunError(RuntimeError):
  """The run itself failed. Its message is one line; exit code 1."""


class DivergedError(RunError):
  """Training diverged."""


class LearnerLost(RunError):
  """Another learner of the run ended; all have to be started again."""


class EnvironmentFailure(RunError):
  """An environment raised, died, or returned what it does not declare."""

  def __init__(self, message: str, trace: str = ""):
    """Creates the error.

    Args:
      message: the message, of one line.
      trace: the traceback, for whoever writes the environment.
    """
    super().__init__(message, trace)
    self.trace = trace

  def __str__(self) -> str:
    return self.args[0]


def first_line(error: object) -> str:
  """The first line of an error's message; the name of its type if it is empty.

  Args:
    error: an exception, or a message.
  """
  return str(error).strip().split("\n")[0] or type(error).__name__


def described(error: Exception) -> str:
  """One line about an exception, with its type unless it is one of ours."""
  line = first_line(error)
  is_ours = isinstance(error, (UserError, RunError))
  return line if is_ours else f"{type(error).__name__}: {line}"


def nearest(value: object, choices: Iterable[str]) -> str:
  """Returns "; did you mean 'x'?" for the choice most like value, or ""."""
  found = difflib.get_close_matches(str(value), list(choices), n=1, cutoff=0.5)
  return f"; did you mean {found[0]!r}?" if found else ""
