"""TF-Agents, which pip cannot install with what it requires.

TF-Agents 0.19.0 pins old versions, which conflict with the others here, so the
package does not require it, but lists what it really needs: setup.cfg. gym,
which TF-Agents imports, is left out as well, for it brings a package that
prints a warning at every import. docs/decisions/0002-lock.md has the reasons.
"""

import importlib.metadata
import pathlib
import shlex
import sys

ADDED_BY_HAND = {"tf-agents": "0.19.0", "gym": "0.23.0"}
_WRONG_INPUT = 2


def check() -> None:
  """Checks that TF-Agents is there, which takes a few milliseconds.

  Raises:
    ImportError: TF-Agents or gym is missing, or of another version. The message
      is one line, with the command that installs both.
    SystemExit: the same, where a command was started: the message is printed,
      and the exit code is 2.
  """
  for name, version in ADDED_BY_HAND.items():
    found = _installed(name)
    if found != version:
      _refuse(
        f"agents_pipeline needs {name} {version}, and {found or 'none'} is "
        f"installed; run: {command()}"
      )


def command() -> str:
  """Returns the shell command that installs what pip cannot resolve."""
  if _installed("pip"):
    install = [sys.executable, "-m", "pip", "install"]
  else:  # uv makes environments without it
    install = ["uv", "pip", "install", f"--python={sys.executable}"]
  packages = [f"{name}=={version}" for name, version in ADDED_BY_HAND.items()]
  return shlex.join([*install, "--no-deps", *packages])


def _installed(name: str) -> str | None:
  """The version of a package; importing it would take seconds."""
  try:
    return importlib.metadata.version(name)
  except importlib.metadata.PackageNotFoundError:
    return None


def _refuse(message: str) -> None:
  # Python imports the package before it knows which module `-m` runs.
  if pathlib.PurePath(*sys.argv[:1]).stem in ("-m", "agents-pipeline"):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(_WRONG_INPUT)
  raise ImportError(message)
