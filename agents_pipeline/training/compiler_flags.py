"""XLA flags in the environment: TensorFlow aborts where one is unknown."""

import os
import pathlib
import re
import resource
import signal
import tempfile

import tensorflow as tf

from agents_pipeline import errors

_VARIABLES = ("XLA_FLAGS", "TF_XLA_FLAGS")
_PATIENCE_SECONDS = 60  # compiling takes a tenth of one
# What TensorFlow says before it ends the process.
_UNKNOWN = re.compile(r"Unknown flags? in (\w+): (.+)")
_NO_FILE = re.compile(r'Could not open file "(.*?)" .*variable "(\w+)"')
_NO_VALUE = re.compile(r"Couldn't interpret value (.*) for flag (\w+)")


def read(variable: str) -> str:
  """The flags of a variable, which may name a file with them."""
  value = os.environ.get(variable, "")
  if not value or value.lstrip().startswith("-"):
    return value
  try:
    return os.fsdecode(pathlib.Path(value).read_bytes())
  except OSError:
    return value


def add(*flags: str) -> None:
  """Adds flags to XLA's, but those that a user has set stay as they are.

  XLA reads them once, when it first compiles.

  Args:
    *flags: flags of XLA such as '--name=value'.
  """
  given = read("XLA_FLAGS").split()
  names = {flag.partition("=")[0] for flag in given}
  new = [flag for flag in flags if flag.partition("=")[0] not in names]
  if new:
    os.environ["XLA_FLAGS"] = " ".join([*given, *new])


def check() -> None:
  """Refuses flags that TensorFlow aborts at, by trying them in a fork.

  To be called after TensorFlow is imported, which takes seconds, and before it
  does anything: from then on it cannot be forked. Does nothing where none of
  the variables is set.

  Raises:
    UserError: TensorFlow would abort; the message names the variable and the
      flag.
  """
  given = [name for name in _VARIABLES if os.environ.get(name)]
  if not given:
    return
  with tempfile.TemporaryFile() as output:
    child = os.fork()
    if not child:
      _compile_and_leave(output.fileno())
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code in (0, -signal.SIGALRM):  # it hung: nothing is known
      return
    output.seek(0)
    raise errors.UserError(_explain(output.read().decode(errors="replace")))


def _compile_and_leave(output: int) -> None:
  """Compiles a function, in a process of its own that ends here."""
  code = 1
  try:
    signal.set_wakeup_fd(-1)  # that is the other process's
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_PATIENCE_SECONDS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(output, 1)
    os.dup2(output, 2)
    tf.config.set_visible_devices([], "GPU")
    tf.function(lambda: tf.zeros([]) + 1, jit_compile=True, autograph=False)()
    code = 0
  finally:
    os._exit(code)


def _explain(output: str) -> str:
  """One line on why TensorFlow ended the process, from its output."""
  unknown, missing, value = (
    pattern.search(output) for pattern in (_UNKNOWN, _NO_FILE, _NO_VALUE)
  )
  if unknown:
    return (
      f"{unknown.group(1)}: TensorFlow {tf.__version__} does not know "
      f"{unknown.group(2).strip()}; expected flags that it knows"
    )
  if missing:
    return (
      f"{missing.group(2)}={missing.group(1)!r}: expected flags such as "
      "--name=value, or a file with them"
    )
  names = " or ".join(name for name in _VARIABLES if os.environ.get(name))
  if value:
    return (
      f"{names}: --{value.group(2)}={value.group(1)} has a value that "
      f"TensorFlow {tf.__version__} does not take"
    )
  settings = ", ".join(
    f"{name}={os.environ[name]!r}" for name in _VARIABLES if name in os.environ
  )
  return f"{settings}: TensorFlow {tf.__version__} cannot start with that"
