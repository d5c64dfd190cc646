"""Closed and full streams, and exit codes."""

import sys

import pytest


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
