"""What numbers come from: when, which commit, which versions of packages."""

import datetime
import importlib.metadata
import pathlib
import subprocess
from collections.abc import Iterable


def now() -> str:
  """The time in UTC, to the second."""
  return datetime.datetime.now(datetime.timezone.utc).isoformat("T", "seconds")


def versions(packages: Iterable[str]) -> dict[str, str | None]:
  """The versions of packages; None where one is not installed."""
  found: dict[str, str | None] = {}
  for package in packages:
    try:
      found[package] = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
      found[package] = None
  return found


def git_commit() -> str | None:
  """The commit of this code, with "+" where files differ from it."""
  folder = pathlib.Path(__file__).parent
  git = lambda *words: subprocess.run(
    ["git", *words], cwd=folder, capture_output=True, text=True, check=True
  ).stdout.strip()
  try:
    return git("rev-parse", "HEAD") + ("+" if git("status", "-s") else "")
  except (OSError, subprocess.CalledProcessError):
    return None
