"""The processes of the sides: apart from each other, and ended with us."""

import os
import subprocess
import sys

import psutil
import pytest

from benchmarks import measuring, processes

LOOPS = "tests.unit.benchmarks.loops"


def side(name, *arguments, **fields):
  return processes.Side(name, f"{LOOPS}:{name}", arguments, **fields)


@pytest.fixture
def built(tmp_path):
  """Builds sides; returns their processes and what was reported."""
  running = []

  def build(**sides):
    running.append(processes.Processes(sides, tmp_path))
    lines = []
    running[-1].build(lines.append)
    return running[-1], lines

  yield build
  for one in running:
    one.__exit__()


def test_each_side_has_a_process_of_its_own_unless_it_shares_one(
  built, tmp_path
):
  sides, lines = built(
    a=side("ProcessId", process="shared"),
    b=side("ProcessId", process="shared"),
    c=side("ProcessId"),
    d=side("ModulesBefore"),
  )
  numbers = [sides.run(name, 1)[0] for name in ("a", "b", "c")]
  assert numbers[0] == numbers[1] != numbers[2]
  assert os.getpid() not in numbers
  assert sides.run("d", 1)[0] == 0.0  # TensorFlow is not imported beforehand
  assert sorted(line.split(":")[0] for line in lines) == ["a", "b", "c", "d"]
  assert all("ready after" in line for line in lines)
  assert (tmp_path / "c.log").read_text() == "built with log level 2\n"


def test_a_side_that_fails_does_not_end_the_others(
  built, tmp_path, monkeypatch
):
  monkeypatch.setattr(processes, "_MAX_SECONDS_TO_RUN", 1.0)
  sides, lines = built(
    missing=side("NotInstalled"),
    raises=side("Raises", process="shared"),
    dies=side("Dies"),
    hangs=side("Hangs"),
    works=side("Constant", 1000.0, process="shared"),
  )
  assert "missing: not installed: no_such_package" in lines
  for name in ("raises", "dies", "hangs"):
    with pytest.raises(processes.SideError):
      sides.run(name, 1)
  rate, seconds = sides.run("works", 10)
  assert rate == 1000.0 and 0.01 <= seconds < 1.0
  assert sides.problems == {
    "missing": "not installed: no_such_package",
    "raises": "ValueError: first line",
    "dies": f"process died or hung: see {tmp_path / 'dies.log'}",
    "hangs": f"process died or hung: see {tmp_path / 'hangs.log'}",
  }
  assert "second line" in (tmp_path / "shared.log").read_text()
  assert "time.sleep" not in (tmp_path / "dies.log").read_text()
  assert "in run" in (tmp_path / "hangs.log").read_text()
  with pytest.raises(processes.SideError):
    sides.run("dies", 1)  # it stays dead


def test_a_bench_interleaves_its_sides(tmp_path):
  groups = {"A group": ["slow", "dies", "fast"]}
  sides = {
    "slow": side("Constant", 100.0),
    "dies": side("Dies"),
    "fast": side("Constant", 300.0, multiple=5),
    "other": side("Constant", 1.0),
  }
  with measuring.Bench(
    groups, sides, 2, 0.05, tmp_path, seconds_to_build=1.0
  ) as bench:
    bench.build()
    assert bench.rates("A group") == {"slow": [100.0] * 2, "fast": [300.0] * 2}
    assert bench.amounts["slow"] <= 5 and bench.amounts["fast"] in (5, 10, 15)
    assert bench.problems.keys() == {"dies"}
  assert not (tmp_path / "other.log").exists()


_PARENT = f"""
import pathlib, sys, time
from benchmarks import processes
if __name__ == "__main__":
  sides = {{"a": processes.Side("a", "{LOOPS}:ProcessId")}}
  running = processes.Processes(sides, pathlib.Path(sys.argv[1]))
  running.build(lambda line: None)
  print(int(running.run("a", 1)[0]), flush=True)
  time.sleep(1_000)
"""


def test_the_processes_end_where_their_parent_is_killed(tmp_path):
  script = tmp_path / "parent.py"
  script.write_text(_PARENT)
  parent = subprocess.Popen(
    [sys.executable, str(script), str(tmp_path)],
    stdout=subprocess.PIPE,
    text=True,
    env=os.environ | {"PYTHONPATH": os.getcwd()},
  )
  child = psutil.Process(int(parent.stdout.readline()))
  parent.kill()
  parent.wait()
  try:
    child.wait(timeout=10)  # raises where it lives on
  except psutil.TimeoutExpired:
    child.kill()
    raise


@pytest.mark.parametrize("command", ["suite", "check", "sweeps"])
def test_a_command_imports_neither_tensorflow_nor_matplotlib(command):
  """Every process of a side imports the command's module first."""
  program = (
    f"import sys, benchmarks.{command}; "
    "print({'tensorflow', 'matplotlib', 'jax', 'torch'} & {*sys.modules})"
  )
  done = subprocess.run(
    [sys.executable, "-c", program], capture_output=True, text=True
  )
  assert done.stdout == "set()\n", done.stderr
