"""What is drawn, of which groups."""

import json

import pytest

from agents_pipeline.reports import charts, grouping


def of(runs):
  return charts.of_environment("X-v0", grouping.by_configuration(runs))


def test_a_run_alone_has_learning_curves_without_a_band(read_run):
  evaluation, training = of([read_run("a")])
  assert evaluation.title == "X-v0: evaluation return"
  (line,) = evaluation.to_json()["lines"]
  assert line["middle"] == [1, 5]
  assert line["low"] == line["high"] == [None, None]
  assert evaluation.to_json()["x"] == [0, 300]
  assert "ended in the last 15 env steps" in training.note  # 300 / 20


@pytest.mark.parametrize(("num_seeds", "num_charts"), [(2, 2), (3, 3)])
def test_three_seeds_have_a_performance_profile(
  read_run, num_seeds, num_charts
):
  runs = [read_run(f"{i}", seed=i, returns=(i,)) for i in range(num_seeds)]
  drawn = of(runs)
  assert len(drawn) == num_charts
  if num_charts == 3:
    (line,) = drawn[-1].to_json()["lines"]
    assert drawn[-1].x[[0, -1]].tolist() == pytest.approx([-0.1, 2.1])
    assert (line["middle"][0], line["middle"][-1]) == (1, 0)


def test_the_best_groups_are_drawn_each_in_its_color(read_run):
  runs = [
    read_run(f"{i}", f"Adam.learning_rate = 0.{i}", returns=(i,))
    for i in range(1, 10)
  ]
  evaluation, *_ = of(runs)
  assert [color for color, *_ in evaluation.lines] == [*range(8)]
  assert [label for _, label, _ in evaluation.lines] == [
    f"learning_rate = 0.{i}" for i in range(9, 1, -1)
  ]


def test_nothing_is_drawn_of_runs_that_have_only_begun(read_run):
  assert of([read_run("a", evaluations=(), episodes=())]) == []


def test_the_script_cannot_be_closed_from_within():
  chart = charts.Chart("</script>", "", "", [], [])
  text = charts.script_json([chart])
  assert "<" not in text and json.loads(text)[0]["title"] == "</script>"
