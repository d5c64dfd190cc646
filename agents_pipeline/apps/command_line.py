"""What binaries share: flags, one-line errors, exit codes, quiet imports."""

import contextlib
import os
import pathlib
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence

from absl import app, flags

from agents_pipeline import errors
from agents_pipeline.apps import process, signals
from agents_pipeline.files import paths
from agents_pipeline.runs import quiet

DONE, FAILED, WRONG_INPUT = 0, 1, 2


def run(main: Callable[..., int], *, takes_arguments: bool = False) -> None:
  """Runs the main function of a binary and exits with its exit code.

  Args:
    main: the main function, which returns an exit code. If it raises
      `UserError`, the exit code is 2; for `RunError` and `OSError` (such as a
      full disk) it is 1. Either prints one line. Signals exit with the codes
      that a shell reports.
    takes_arguments: whether `main` is called with the list of what is typed
      beside flags; otherwise such arguments are refused.
  """

  def guarded_main(argv: Sequence[str]) -> None:
    try:
      # An exception, unlike the default action, removes unfinished files.
      signals.raise_on_signals()
      arguments = list(argv[1:])
      if arguments and not takes_arguments:
        raise errors.UserError(
          f"unexpected argument {arguments[0]!r}: expected flags such as --help"
        )
      code = main(arguments) if takes_arguments else main()
    except errors.UserError as error:
      code = _print_error(_with_trace(error), WRONG_INPUT)
    except KeyboardInterrupt:
      code = signals.exit_code(signal.SIGINT)
    except signals.Terminated as terminated:
      code = signals.exit_code(terminated.number)
    except (errors.RunError, OSError) as error:
      code = _print_error(error, FAILED)
    sys.exit(code)

  process.prepare()
  app.run(guarded_main, flags_parser=_parse_flags)


def _parse_flags(argv: Sequence[str]) -> list[str]:
  for word in argv:
    if not paths.is_text(word):
      message = f"{word!r}: expected {sys.getfilesystemencoding()} text"
      sys.exit(_print_error(message, WRONG_INPUT))
  try:
    return flags.FLAGS(argv)
  except UnicodeDecodeError as error:
    message = f"--flagfile: expected a file of flags ({error})"
    sys.exit(_print_error(message, WRONG_INPUT))
  except flags.Error as error:
    missing = re.match(
      r"flag (--\w+)=None: Flag .* must have a value", str(error)
    )
    message = f"{missing.group(1)} is required" if missing else str(error)
    sys.exit(_print_error(message, WRONG_INPUT))
  except SystemExit as exiting:  # absl exits with 1 after --help
    sys.exit(DONE if exiting.code == 1 else exiting.code)


def _with_trace(error: errors.UserError) -> str:
  """The message; the traceback of a user's own code goes into a file."""
  if not error.trace:
    return str(error)
  descriptor, path = tempfile.mkstemp(prefix="traceback-", suffix=".txt")
  with open(descriptor, "w", encoding="utf-8") as file:
    file.write(error.trace)
  return f"{error}; see {path}"


def _print_error(error: object, code: int) -> int:
  """Prints the first line of an error; returns the exit code."""
  first = errors.first_line(error)
  # User input in the message may contain control characters.
  line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in first)
  print(f"error: {line}", file=sys.stderr, flush=True)
  return code


def check_writable(flag: str, output: pathlib.Path | None) -> None:
  """Checks that a new file or folder can be created, before any work is done.

  Args:
    flag: the flag that the path was given by, for error messages.
    output: the path to create; None passes.

  Raises:
    UserError: the path exists, its name is too long, or its folder is not
      writable.
  """
  if output is None:
    return
  nearest = paths.nearest_existing(flag, output)
  if nearest == output:
    raise errors.UserError(
      f"{flag}={str(output)!r} exists; expected a new name"
    )
  # The temporary name of `files/atomic.py` is longer.
  paths.nearest_existing(flag, output.with_name(f".partial-{output.name}"))
  if not nearest.is_dir() or not os.access(nearest, os.W_OK):
    raise errors.UserError(f"{flag}={str(output)!r} cannot be written")


def report(line: str) -> None:
  """Prints a line of progress to stderr."""
  print(line, file=sys.stderr, flush=True)


def print_result(line: str) -> None:
  """Prints the result that a binary was run for to stdout.

  Raises:
    RunError: the line is lost, for example on a full disk. A closed pipe is no
      error.
  """
  print(line, flush=True)
  lost = process.lost_output()
  if lost:
    raise errors.RunError(f"standard output cannot be written: {lost}")


def _show_on_terminal(text: str) -> None:
  """Shows a text until the next one; nothing where stderr is no terminal."""
  with contextlib.suppress(OSError, ValueError):  # it may be closed
    if sys.stderr.isatty():
      print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


@contextlib.contextmanager
def quiet_imports() -> Iterator[None]:
  """Hides what TensorFlow prints, now and later; says that it is loaded."""
  _show_on_terminal("loading TensorFlow ...")
  try:
    with quiet.imports():
      quiet.hide_logs()
      yield
  finally:
    _show_on_terminal("")
