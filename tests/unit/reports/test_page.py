"""A report's content: every run, what differs, and what is not finished."""

import html.parser
import re

import pytest

from agents_pipeline import errors
from agents_pipeline.reports import page

FAST = "Adam.learning_rate = 0.01"


@pytest.fixture
def write(tmp_path):
  """Writes a report of run folders; returns the page without scripts."""

  def write_page(*folders, name="report.html"):
    page.write(folders, tmp_path / name)
    return re.sub(
      "<(script|style).*?</.*?>", "", (tmp_path / name).read_text(), flags=re.S
    )

  return write_page


def words(text):
  """The text of a page, its cells and lines apart."""
  return " ".join(re.sub("<[^>]*>", " ", text).split())


class Balanced(html.parser.HTMLParser):
  """Fails where an element is not closed."""

  def __init__(self, text):
    super().__init__()
    self.open = []
    self.feed(text)
    assert self.open == []

  def handle_starttag(self, tag, attributes):
    if tag not in ("meta",):
      self.open.append(tag)

  def handle_endtag(self, tag):
    assert self.open.pop() == tag


def test_a_report_of_one_run(make_run, write):
  text = write(make_run("my run", seed=7, returns=(10.0, 20.0)))
  Balanced(text)
  assert "<h1>my run</h1>" in text and "Not finished" not in text
  found = words(text)
  assert "A run on CartPole-v1, seed 7. Made 20" in found
  # The interval over its episodes, for there is one seed.
  assert "DqnConfig 1 15.0 10.0 to 20.0 2 episodes of 1 seed" in found
  assert "my run DqnConfig 7 finished 300 15.0 10.0 to 20.0 200 5.00" in found
  assert "What differs" not in found
  assert "DqnConfig.batch_size = 16" in found
  # Medians of 50, 100, 900 and of 25, 50, 450; 3 s and 1 s.
  assert "DqnConfig 100 50 4 s training 75%, evaluation 25%" in found
  assert "git commit 012345678+ Python 3.11.7" in found
  assert "tensorflow 2.21.0" in found and "system Linux cores 2" in found


def test_groups_of_two_environments(make_run, write):
  acrobot = "EnvironmentConfig.name = 'Acrobot-v1'"
  text = write(
    make_run("slow/0", returns=(1.0,)),
    make_run("slow/1", seed=1, returns=(2.0,), python="3.13.1"),
    make_run("fast/0", FAST, returns=(7.0,)),
    make_run("other", acrobot, returns=(-80.0,)),
  )
  Balanced(text)
  found = words(text)
  assert "4 runs of 3 configurations on CartPole-v1, Acrobot-v1." in found
  cartpole, other = found.split("Acrobot-v1 Results")
  assert "learning_rate = 0.001 2 1.50 1.00 to 2.00 2 seeds 1.00, 2.00" in (
    cartpole
  )
  assert cartpole.index("rate = 0.01 1 7.00") < cartpole.index("0.001 2 1.50")
  assert "configuration Adam.learning_rate learning_rate = 0.01 0.01" in (
    cartpole
  )
  for name in ("slow/0", "slow/1", "fast/0"):
    assert f" {name} " in cartpole and f" {name} " not in other
  assert " other DqnConfig 0 finished 300 -80.0" in other
  assert "Python 3.11.7 (3 of 4 runs), 3.13.1 (1 of 4 runs)" in found


def test_runs_that_are_not_finished_say_so(make_run, write):
  found = words(
    write(
      make_run("a", returns=(4.0,)),
      make_run("b", seed=1, outcome="stopped", evaluations=[(100, 2.0)]),
      make_run("c", seed=2, outcome="failed", returns=(), evaluations=()),
    )
  )
  assert "Not finished: 2 of 3 runs. b: stopped; c: failed." in found
  assert "DqnConfig 1 of 3 finished 4.00" in found
  assert "b DqnConfig 1 stopped 100 of 300 \u2013 \u2013 \u2013 2.00" in found
  assert "c DqnConfig 2 failed 0 of 300" in found
  found = words(write(make_run("d", outcome="running", returns=())))
  assert "Not finished: running, or was killed." in found


def test_of_many_unfinished_runs_the_first_are_named_at_the_top(
  make_run, write
):
  runs = [make_run(f"r{i:02}", outcome="stopped", seed=i) for i in range(13)]
  found = words(write(*runs))
  assert "r09: stopped; 3 more." in found and "r12 DqnConfig 12 stop" in found


def test_what_a_reader_should_know_of_single_runs(make_run, write):
  change = {"env_steps": 1000, "settings": ["Adam.learning_rate: 1 -> 2"]}
  first = make_run("a", changes=[change])
  evaluation = first.evaluation.read_text()
  first.evaluation.write_text(
    evaluation.replace("{", '{"num_cut_episodes": 1, '
      '"max_env_steps_per_episode": 27000, ', 1)
  )  # fmt: skip
  found = words(write(first, make_run("b")))
  assert (
    "a: changed from 1,000 env steps on: Adam.learning_rate: 1 -&gt; 2; 1 of "
    "the 2 final episodes were cut at 27,000 env steps." in found
  )
  assert "a, b have the same configuration and seed, but count as 2" in found


def test_names_are_escaped_and_reports_of_runs_linked(make_run, write):
  odd = make_run("<b>{{body}}'s")
  text = write(odd, make_run("plain", seed=1))
  Balanced(text)
  assert "&lt;b&gt;{{body}}&#x27;s" in text and "<b>" not in text
  assert "<a " not in text
  odd.report.touch()
  text = write(odd, make_run("other", seed=1))
  assert 'href="%3Cb%3E%7B%7Bbody%7D%7D%27s/report.html"' in text
  # Its own report has no link to itself.
  page.write([odd], odd.report)
  assert "<a " not in odd.report.read_text().split("<script")[0]


def test_a_report_replaces_the_one_before(make_run, tmp_path):
  folder = make_run("a")
  for _ in range(2):
    assert page.write([folder], tmp_path / "new" / "x.html") == 1
  assert [p.name for p in (tmp_path / "new").iterdir()] == ["x.html"]
  folder.metrics.write_text("a,b\n1\n")
  with pytest.raises(errors.UserError, match="metrics.csv: line 2 is not"):
    page.write([folder], tmp_path / "new" / "x.html")


def test_a_report_of_a_run_is_small(make_run, write, tmp_path):
  write(make_run("a", episodes=[(i, 1.0) for i in range(5000)]))
  assert (tmp_path / "report.html").stat().st_size < 100_000
