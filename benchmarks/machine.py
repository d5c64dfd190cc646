"""What numbers were measured on, and with what."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import subprocess
import sys

import psutil

_PACKAGES = (
  "agents_pipeline",
  "ale-py",
  "gymnasium",
  "gymnax",
  "jax",
  "numpy",
  "sbx-rl",
  "stable_baselines3",
  "tensorflow",
  "tf-agents",
  "tf-keras",
  "torch",
)


def describe() -> dict:
  """When, by which command, on which machine, with which versions."""
  return {
    "date": datetime.datetime.now(datetime.timezone.utc).isoformat(
      "T", "seconds"
    ),
    "command": ["python", "-m", _module(), *sys.argv[1:]],
    "git_commit": _git_commit(),
    "python": platform.python_version(),
    "packages": _versions(),
    "machine": {
      "system": f"{platform.system()} {platform.machine()}",
      "cpu": _cpu_model(),
      "cores": len(psutil.Process().cpu_affinity())
      if hasattr(psutil.Process, "cpu_affinity")
      else os.cpu_count(),
      "memory_gib": round(psutil.virtual_memory().total / 2**30),
    },
    # Of the last minute, before this began: more than a few tenths is others'.
    "load": round(os.getloadavg()[0], 2),
  }


def origin_in_words(about: dict) -> str:
  """By which command, when, and of which commit; "+" if files differ."""
  commit = about["git_commit"] or "unknown"
  changed = "+" if commit.endswith("+") else ""
  return (
    f"`{' '.join(about['command'])}`, {about['date'][:10]}, commit "
    f"{commit[:9]}{changed}"
  )


def in_words(about: dict) -> str:
  """The machine."""
  machine = about["machine"]
  return (
    f"{machine['cores']} cores of {machine['cpu']}, "
    f"{machine['memory_gib']} GiB, {machine['system']}"
  )


def packages_in_words(about: dict) -> str:
  """The versions."""
  known = {n: v for n, v in about["packages"].items() if v is not None}
  listed = ", ".join(f"{name} {version}" for name, version in known.items())
  return f"Python {about['python']}, {listed}"


def _module() -> str:
  """The name of the module that was started."""
  spec = getattr(sys.modules["__main__"], "__spec__", None)
  return spec.name if spec else pathlib.Path(sys.argv[0]).name


def _versions() -> dict[str, str | None]:
  found: dict[str, str | None] = {}
  for package in _PACKAGES:
    try:
      found[package] = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
      found[package] = None
  return found


def _cpu_model() -> str:
  try:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
      if line.startswith("model name"):
        return line.partition(":")[2].strip()
  except OSError:
    pass
  return platform.processor() or platform.machine()


def _git_commit() -> str | None:
  """The commit of this code, with "+" where files differ from it."""
  git = lambda *words: subprocess.run(
    ["git", *words],
    cwd=pathlib.Path(__file__).parent,
    capture_output=True,
    text=True,
    check=True,
  ).stdout.strip()
  try:
    return git("rev-parse", "HEAD") + ("+" if git("status", "-s") else "")
  except (OSError, subprocess.CalledProcessError):
    return None
