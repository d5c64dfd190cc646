"""Progress: what is counted, and the lines without a terminal."""

from agents_pipeline.runs.sinks import progress_bar, sink


def entry(env_steps, **values):
  row = {"episode_return": None, "evaluation_return": None, **values}
  return sink.LogEntry({"env_steps": env_steps, **row})


def test_without_a_terminal_progress_is_plain_lines(capsys, monkeypatch):
  monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
  progress = progress_bar.ProgressBar(
    "env_steps",
    1000,
    0,
    {"return": "episode_return", "eval": "evaluation_return"},
  )
  progress.write(entry(100))  # too soon after the start
  progress.write(entry(500, evaluation_return=12.5, episode_return=3.0))
  progress.write(entry(1000))
  progress.close()
  lines = capsys.readouterr().err.splitlines()
  assert len(lines) == 2
  assert lines[0].strip().startswith("500 of 1,000 env steps")
  assert lines[0].endswith("return 3.0, eval 12.5")
  assert all(len(line) < 80 and "\r" not in line for line in lines)
