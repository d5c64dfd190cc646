import json

import pytest

from agents_pipeline import errors
from benchmarks import (
  chart,
  check,
  gpu_workloads,
  interleaved,
  measuring,
  report,
  workloads,
)

RATES = {"a": [30.0, 40.0, 50.0], "b": [10.0, 10.0, 10.0]}
PAGE = "before\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n"


def found(**comparison):
  wanted = workloads.Comparison("a", "b", **comparison)
  return {
    "about": {
      "command": ["python", "-m", "benchmarks.suite"],
      "date": "2020-02-03T04:05:06+00:00",
      "git_commit": "0123456789abcdef",
      "python": "3.11.0",
      "packages": {"numpy": "2.0.0", "jax": None},
      "machine": {
        "system": "Linux x86_64", "cpu": "A CPU", "cores": 2,
        "memory_gib": 24,
      },
    },
    "rounds": 3,
    "seconds_per_turn": 1.0,
    "left_out": [],
    "works": [
      {
        "name": "work",
        "title": "A work",
        "unit": "env steps/s",
        "sides": {
          "a": {"title": "ours", "rate": 40.0, "rates": RATES["a"]},
          "b": {"title": "theirs", "rate": 10.0, "rates": RATES["b"]},
        },
        "comparisons": [measuring.compare(wanted, RATES, {})],
      }
    ],
  }  # fmt: skip


def test_a_ratio_is_the_median_of_those_of_each_round():
  ratio = interleaved.ratio([10.0, 60.0, 40.0], [10.0, 20.0, 10.0])
  assert ratio == (3.0, 1.0, 4.0)


@pytest.mark.parametrize("rate", [0.7, 300.0, 1e6])
@pytest.mark.parametrize("multiple", [1, 80])
def test_amounts_fit_the_time_of_a_turn(rate, multiple):
  asked = []

  def run(amount):
    asked.append(amount)
    return rate, amount / rate

  amount = interleaved.fitting_amount(run, multiple, 2.0)
  assert amount % multiple == 0
  assert amount == multiple or abs(amount / rate - 2.0) <= multiple / rate
  assert all(a % multiple == 0 for a in asked)
  assert asked[-1] == multiple or asked[-1] / rate <= 2.0


def test_every_side_has_its_turn_in_every_round():
  order = []

  def turn(name):
    order.append(name)
    return float(len(order))

  rates = interleaved.take_turns(
    {"a": lambda: turn("a"), "b": lambda: turn("b")}, range(2)
  )
  assert order == ["a", "b", "a", "b"]
  assert rates == {"a": [1.0, 3.0], "b": [2.0, 4.0]}


def test_a_comparison_says_whether_it_is_what_was_wanted():
  compare = lambda wanted: measuring.compare(
    workloads.Comparison("a", "b", wanted), RATES, {}
  )
  assert compare(4.0)["reached"] is True
  assert compare(4.1)["reached"] is False
  assert compare(None)["reached"] is None


def test_a_missing_package_is_reported():
  compared = measuring.compare(
    workloads.Comparison("a", "b", 1.0),
    {"a": RATES["a"]},
    {"b": "not installed: x"},
  )
  results = found(wanted=1.0)
  results["works"][0]["comparisons"] = [compared]
  results["works"][0]["sides"]["b"] = {"title": "theirs", "problem": "no: x"}
  assert compared["problem"] == "not installed: x"
  assert "no: x" in report.tables(results)
  assert "not installed: x" in report.markdown(results)


@pytest.mark.parametrize(
  "wanted, word", [(4, "4 yes"), (5, "5 NO"), (None, "")]
)
def test_tables_are_80_columns_wide(wanted, word):
  text = report.tables(found(wanted=wanted))
  assert word in text
  assert "4 (3 to 5)" in text
  assert max(map(len, text.splitlines())) <= 80


def test_markdown_says_what_it_was_measured_on():
  text = report.markdown(found(wanted=5.0), "performance.png")
  assert "`python -m benchmarks.suite`, 2020-02-03, commit 012345678" in text
  assert "2 cores of A CPU, 24 GiB" in text
  assert "numpy 2.0.0" in text and "jax" not in text
  assert "| ours | 40 | theirs | 10 | 4 (3 to 5) | 5 | **no** |" in text
  assert "](performance.png)" in text


def test_sweeps_and_shares_as_markdown():
  about = found()["about"]
  row = {"label": "1,024", "micros": 2.0, "low": 1.0, "high": 3.0}
  table = {"title": "T", "rows": [row | {"env_steps_per_second": 5e5}]}
  assert report.sweeps_markdown({"about": about, "tables": [table]}) == (
    "**T**\n\n"
    "|  | us per iteration | range | env steps/s |\n"
    "| --- | --- | --- | --- |\n"
    "| 1,024 | 2.0 | 1.0 to 3.0 | 500,000 |\n\n"
    "`python -m benchmarks.suite`, 2020-02-03, commit 012345678."
  )
  run = {"config": "x", "seconds": 8.0, "parts": {"export": 2.0, "end": 6.0}}
  text = report.shares_markdown({"about": about, "runs": [run, run]})
  assert "| share of | `x` | `x` |" in text
  assert "| export | 25.0% (2.0 s) | 25.0% (2.0 s) |" in text
  assert "| in all | 8.0 s | 8.0 s |" in text


def test_what_is_written_by_hand_stays():
  text = report.between_markers(PAGE, "measured", "new")
  assert text.startswith("before\n<!-- measured: begin -->")
  assert "new" in text and "old" not in text
  assert text.endswith("<!-- measured: end -->\nafter\n")
  assert report.between_markers(text, "measured", "new") == text


def test_a_page_without_the_comments_is_rejected():
  with pytest.raises(errors.UserError, match="sweeps: begin"):
    report.between_markers(PAGE, "sweeps", "new")


def test_a_chart_is_drawn(tmp_path):
  results = json.loads(json.dumps(found(wanted=5.0)))
  chart.draw(results, tmp_path / "a.png")
  assert (tmp_path / "a.png").stat().st_size > 1_000


def test_a_ratio_falls_by_more_than_a_fifth():
  assert check.has_fallen(0.79, 1.0)
  assert not check.has_fallen(0.81, 1.0)


def test_noise_is_reported():
  steady = {"median": 1.0, "low": 0.95, "high": 1.05}
  assert check.line("x", steady, 1.0) == (
    "x: 1 (0.95 to 1.05) times its floor, +0% of 1"
  )
  noisy = {"median": 0.5, "low": 0.4, "high": 0.6}
  assert "FELL (noisy: rounds are 40% apart)" in check.line("x", noisy, 1.0)


@pytest.mark.parametrize(
  "works, sides",
  [
    (workloads.WORKLOADS, workloads.SIDES),
    (gpu_workloads.WORKLOADS, gpu_workloads.SIDES),
  ],
)
def test_every_workload_names_sides_that_exist(works, sides):
  named = {side for work in works.values() for side in work.sides}
  assert named == sides.keys()
  quick, left_out = workloads.quick(works, sides)
  assert left_out
  for work in quick.values():
    assert work.comparisons
    assert all(sides[side].in_quick for side in work.sides)


def test_every_checked_ratio_has_a_baseline():
  before = json.loads(check._BASELINE.read_text())
  assert before["ratios"].keys() == workloads.CHECKED.keys()
