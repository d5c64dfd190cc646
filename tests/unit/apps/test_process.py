"""Closed and full streams, signals, and exit codes."""

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


@pytest.mark.parametrize(
  "line",
  [
    "$APP 2>&-",
    "$APP >&-",
    "$APP <&- >&- 2>&-",
    "$APP 2>/dev/full >/dev/full",
    "$APP 2</dev/null",  # cannot be written to at all
    "$APP 2>&1 | head -n 1; exit ${PIPESTATUS[0]}",
    "$APP 2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}",
    "$APP | true; exit ${PIPESTATUS[0]}",
  ],
)
def test_output_without_a_reader_changes_nothing(shell, line):
  code, _, err = shell("pass", line)
  assert code == 7
  assert set(err.splitlines()) <= {"caf\u00e9"}


def test_a_slow_reader_gets_every_line(shell, tmp_path):
  """Also from a non-blocking pipe, where writes fail when it is full."""
  (tmp_path / "reads.py").write_text(
    "import fcntl, os, subprocess, sys, time\n"
    "reading, writing = os.pipe()\n"
    "os.set_blocking(writing, False)\n"
    "fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)\n"
    "process = subprocess.Popen(sys.argv[1:], stdout=writing, stderr=writing)\n"
    "os.close(writing)\n"
    "time.sleep(1.5)\n"
    "print(len(open(reading).read().splitlines()))\n"
    "sys.exit(process.wait())\n"
  )
  line = f"{sys.executable} reads.py $APP"
  assert shell("pass", line) == (7, "4000\n", "")


def test_characters_that_the_encoding_lacks_are_escaped(shell):
  code, _, err = shell("pass", "$APP >&-", PYTHONIOENCODING="ascii")
  assert (code, set(err.splitlines())) == (7, {"caf\\xe9"})


def test_a_lost_result_is_an_error(shell):
  result = "command_line.print_result('42')"
  code, _, err = shell(result, "$APP >/dev/full")
  assert code == 1
  assert err.splitlines()[-1] == (
    "error: standard output cannot be written: No space left on device"
  )
  assert shell(result, "$APP >&- 2>&-")[0] == 7
  line = "$APP 2>&- | true; exit ${PIPESTATUS[0]}"
  assert shell(result, line)[0] == 7


def test_the_exit_code_stays_if_libraries_crash_at_exit(shell, tmp_path):
  """Python's own shutdown comes first."""
  crash = "ctypes.CDLL(None).on_exit(ctypes.CDLL(None).abort, None)"
  main = (
    f"{crash}; atexit.register(pathlib.Path('left').touch); "
    "globals()['kept'] = open('kept', 'w'); globals()['kept'].write('all')"
  )
  assert shell(main, "$APP")[0] == 7
  assert (tmp_path / "left").exists()
  assert (tmp_path / "kept").read_text() == "all"
  code, _, err = shell(f"{crash}; raise errors.UserError('no')", "$APP")
  assert (code, err.splitlines()[-1]) == (2, "error: no")
  code, _, err = shell(f"{crash}; 1 / 0", "$APP")
  assert code == 1 and "Traceback" in err
  assert err.splitlines()[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
  ("line", "expected"),
  [("$APP", 129), ("trap '' HUP; $APP", 7), ("nohup $APP", 7)],
)
def test_a_closing_terminal_stops_what_does_not_ignore_it(
  shell, tmp_path, line, expected
):
  """It sends SIGHUP twice; the second must not disturb the clean-up."""
  main = (
    "try: os.kill(os.getpid(), signal.SIGHUP)\n"
    "  finally: os.kill(os.getpid(), signal.SIGHUP); "
    "pathlib.Path('tidy').touch()"
  )
  assert shell(main, line)[0] == expected
  assert (tmp_path / "tidy").exists()


def test_arguments_that_are_not_text_are_refused_in_one_line(shell, tmp_path):
  (tmp_path / "flags").write_bytes(b"--v=\xff")
  for line in (r"$APP --v=$'\xff'", r"$APP $'r\xe9sultat'"):
    code, _, err = shell("pass", line)
    assert code == 2 and len(err.splitlines()) == 1, err
    assert err.endswith("': expected utf-8 text\n")
  code, _, err = shell("pass", "$APP --flagfile=flags")
  assert code == 2 and len(err.splitlines()) == 1, err


def test_matplotlib_ignores_the_settings_of_the_user(shell, tmp_path):
  (tmp_path / "rc").write_bytes(b"\xff")
  code, _, err = shell(
    "import matplotlib.pyplot as p; p.figure().savefig('some.png')",
    "$APP",
    MPLBACKEND="module://no_such_module",
    MATPLOTLIBRC=str(tmp_path / "rc"),
  )
  assert code == 7, err
  assert (tmp_path / "some.png").exists()
