"""Reading a run folder, whole, unfinished and broken."""

import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.reports import run_data


def test_a_finished_run(read_run):
  run = read_run("a", seed=3, returns=(10.0, 30.0))
  assert (run.environment, run.seed, run.status()) == (
    "CartPole-v1", 3, "finished",
  )  # fmt: skip
  assert (run.final_return, run.env_steps, run.wanted_env_steps) == (
    20.0, 300, 300,
  )  # fmt: skip
  assert run.newest_evaluation == 5.0
  assert read_run("b", stopped_early=True).status() == "stopped early"


@pytest.mark.parametrize(
  ("outcome", "status"),
  [
    ("stopped", "stopped"),
    ("failed", "failed"),
    ("running", "running, or was killed"),
  ],
)
def test_an_unfinished_run_has_no_final_return(read_run, outcome, status):
  """Nor one that finished before, and goes on now."""
  run = read_run("a", outcome=outcome)
  assert (run.is_finished, run.final_return) == (False, None)
  assert (run.status(), run.newest_evaluation) == (status, 5.0)


def test_a_run_that_was_killed_before_its_first_row(make_run):
  folder = make_run("a", outcome="running", returns=())
  for table in (folder.metrics, folder.episodes, folder.timing):
    table.unlink()
  run = run_data.read(folder, "a")
  assert (run.env_steps, run.newest_evaluation) == (0, None)
  assert run.metrics == run.episodes == {}


def test_empty_fields_and_a_row_that_is_being_written(tmp_path):
  path = tmp_path / "metrics.csv"
  path.write_text("env_steps,loss\n1,\n2,0.5\n3,0.")
  table = run_data.read_table(path)
  np.testing.assert_array_equal(table["env_steps"], [1, 2])
  np.testing.assert_array_equal(table["loss"], [np.nan, 0.5])
  path.write_text("env_st")
  assert run_data.read_table(path) == {}


def test_a_last_row_without_env_steps_counts_none(make_run):
  folder = make_run("a")
  folder.metrics.write_text("env_steps,loss\n,0.5\n")
  assert run_data.read(folder, "a").env_steps == 0


@pytest.mark.parametrize(
  ("file", "content", "expected"),
  [
    ("run.json", "{", "run.json cannot be read: Expecting property name"),
    ("run.json", "[]", "run.json is not a JSON object"),
    ("run.json", "{}", "run.json is not a run record"),
    ("config.gin", "", "config.gin does not bind EnvironmentConfig.name"),
    ("config.gin", None, "config.gin cannot be read: No such file or direct"),
    ("evaluation.json", "{}", "evaluation.json is not an evaluation"),
    (
      "evaluation.json",
      '{"mean_return": 1, "interval_95": [1], "returns": [1]}',
      "evaluation.json is not an evaluation",
    ),
    (
      "evaluation.json",
      '{"mean_return": 1, "interval_95": [1, 2], "returns": 5}',
      "evaluation.json is not an evaluation",
    ),
    ("metrics.csv", "a,b\n1,x\n", "line 2 is not a row of 2 numbers"),
    ("timing.csv", "a,b\n1,2\n1\n", "line 3 is not a row of 2 numbers"),
    ("episodes.csv", b"\xff", "episodes.csv cannot be read: 'utf-8' codec"),
  ],
)
def test_a_broken_file_is_named_in_one_line(make_run, file, content, expected):
  folder = make_run("a")
  path = folder.root / file
  if content is None:
    path.unlink()
  else:
    path.write_bytes(
      content if isinstance(content, bytes) else content.encode()
    )
  with pytest.raises(errors.UserError) as caught:
    run_data.read(folder, "a")
  assert str(caught.value).startswith(str(path))
  assert expected in str(caught.value) and "\n" not in str(caught.value)
