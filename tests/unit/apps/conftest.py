"""A binary of a few lines, run by a shell."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import atexit, ctypes, os, pathlib, signal, sys
from agents_pipeline import errors
from agents_pipeline.apps import command_line

def main():
  assert os.open(os.devnull, os.O_RDONLY) > 2
  for _ in range(2000):
    command_line.report("caf\\u00e9")
    print("printed")
  {main}
  return 7

command_line.run(main)
"""


@pytest.fixture
def shell(tmp_path):
  """Runs a main function by a line of bash; exit code, stdout and stderr."""

  def run(main, line, **variables):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(main=main))
    found = subprocess.run(
      ["bash", "-c", f"cd {tmp_path}; {line}"],
      capture_output=True,
      env=os.environ | {"APP": f"{sys.executable} {script}"} | variables,
      timeout=60,
    )
    return found.returncode, found.stdout.decode(), found.stderr.decode()

  return run
