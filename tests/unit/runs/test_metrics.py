"""Rows of the tables."""

import pytest

from agents_pipeline.runs import metrics

COLUMNS = metrics.columns(("loss", "epsilon"))


def test_a_row_has_every_column_in_order():
  row = metrics.row(COLUMNS, loss=0.5, env_steps=8)
  assert tuple(row) == COLUMNS
  assert {name: x for name, x in row.items() if x is not None} == {
    "env_steps": 8, "loss": 0.5
  }  # fmt: skip


def test_unknown_columns_are_rejected():
  with pytest.raises(KeyError, match="los"):
    metrics.row(COLUMNS, env_steps=1, los=2)


@pytest.mark.parametrize(
  ("column", "tag"),
  [
    ("evaluation_return", "evaluation/return"),
    ("episode_length", "episodes/length"),
    ("episodes", "time/episodes"),
    ("train_steps", "time/train_steps"),
    ("train_steps_per_second", "time/train_steps_per_second"),
    ("mean_q", "train/mean_q"),
  ],
)
def test_a_tag_begins_with_its_group(column, tag):
  assert metrics.tag(column) == tag


def test_a_run_without_an_evaluation_has_no_final_one():
  assert metrics.final({"env_steps": 3}) == {}
