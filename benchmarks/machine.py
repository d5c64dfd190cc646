"""On what a benchmark was measured, and with which versions."""

import os
import pathlib
import platform
import sys
from collections.abc import Sequence

import psutil

from agents_pipeline.runs import provenance

_PACKAGES = (
  "agents_pipeline",
  "ale-py",
  "gymnasium",
  "gymnax",
  "jax",
  "numpy",
  "ray",
  "sbx-rl",
  "stable_baselines3",
  "tensorflow",
  "tf-agents",
  "tf-keras",
  "torch",
)


def describe(packages: Sequence[str] = _PACKAGES) -> dict:
  """When, by which command, on which machine, with which versions."""
  main = getattr(sys.modules["__main__"], "__spec__", None)
  module = main.name if main else pathlib.Path(sys.argv[0]).name
  return {
    "date": provenance.now(),
    "command": ["python", "-m", module, *sys.argv[1:]],
    "git_commit": provenance.git_commit(),
    "python": platform.python_version(),
    "packages": provenance.versions(packages),
    "machine": {
      "system": f"{platform.system()} {platform.machine()}",
      "cpu": _cpu_model(),
      "cores": len(psutil.Process().cpu_affinity())
      if hasattr(psutil.Process, "cpu_affinity")
      else os.cpu_count(),
      "memory_gib": round(psutil.virtual_memory().total / 2**30),
    },
    # Mean over the last minute: above a few tenths, something else was running.
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
  """The machine in words."""
  machine = about["machine"]
  return (
    f"{machine['cores']} cores of {machine['cpu']}, "
    f"{machine['memory_gib']} GiB, {machine['system']}"
  )


def packages_in_words(about: dict) -> str:
  """The versions of Python and of the packages that are installed."""
  known = {n: v for n, v in about["packages"].items() if v is not None}
  listed = ", ".join(f"{name} {version}" for name, version in known.items())
  return f"Python {about['python']}, {listed}"


def _cpu_model() -> str:
  try:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
      if line.startswith("model name"):
        return line.partition(":")[2].strip()
  except OSError:
    pass
  return platform.processor() or platform.machine()
