"""`train --help_config`, which needs no flag and writes no file."""

import subprocess
import sys


def train(*arguments):
  return subprocess.run(
    [sys.executable, "-m", "agents_pipeline.apps.train", *arguments],
    capture_output=True,
    text=True,
  )


def test_it_prints_one_class_or_all_and_ends():
  one, every = train("--help_config=VideoConfig"), train("--help_config")
  assert (one.returncode, every.returncode) == (0, 0), one.stderr
  assert one.stdout.startswith("VideoConfig: ")
  assert one.stdout.strip() in every.stdout
  assert "\nDqnConfig: " in every.stdout


def test_help_names_it_in_a_few_lines():
  listed = train("--help").stdout
  assert "help_config: " in listed
  assert len(listed.splitlines()) < 60
