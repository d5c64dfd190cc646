"""Signals that end a binary."""

import pytest


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
