"""The learning curve: what it shows, and when it is drawn."""

import imageio.v2 as imageio
import matplotlib
import pytest

from agents_pipeline.runs.sinks import learning_curve, sink


def episodes(count):
  """Rows of episodes.csv: returns 0, 1, 2, ... of 10 env steps each."""
  return [
    {"env_steps": 10 * i, "episode_return": float(i), "episode_length": 10}
    for i in range(count)
  ]


def evaluated(env_steps, *returns, is_cut=0):
  return [
    {
      "env_steps": env_steps,
      "evaluation_return": value,
      "evaluation_length": 10,
      "is_cut": is_cut,
    }
    for value in returns
  ]


EVALUATED = evaluated(0, 9.0, 9.0) + evaluated(2000, 60.0, 100.0)


def colors(path):
  """Returns the colors of an image, as RGB."""
  image = imageio.imread(path)
  assert image.shape == (1080, 1920, 4)
  return {tuple(c) for c in image[..., :3].reshape(-1, 3)}


def rgb(color):
  return tuple(bytes.fromhex(color[1:]))


def test_it_shows_episodes_their_mean_evaluations_and_the_threshold(tmp_path):
  path = tmp_path / "curve.png"
  names = ("_EPISODES", "_MEAN", "_GREEDY", "_THRESHOLD")
  all_of_them = {rgb(getattr(learning_curve, name)) for name in names}
  learning_curve.LearningCurve(
    "CartPole-v1", path, episodes(99), EVALUATED, threshold=120
  ).draw()
  assert all_of_them <= colors(path)
  learning_curve.LearningCurve("nothing yet", path).draw()
  assert not all_of_them & colors(path)


def test_what_is_logged_later_is_drawn_like_what_was_read(tmp_path):
  whole, parts = tmp_path / "whole.png", tmp_path / "parts.png"
  learning_curve.LearningCurve("X-v0", whole, episodes(60), EVALUATED).draw()
  curve = learning_curve.LearningCurve(
    "X-v0", parts, episodes(60)[:20], EVALUATED[:2]
  )
  rows = {"episodes": episodes(60)[20:], "evaluated": EVALUATED[2:]}
  curve.write(sink.LogEntry({"env_steps": 2000}, None, **rows))
  curve.draw()
  assert whole.read_bytes() == parts.read_bytes()


def test_an_evaluation_has_its_spread_and_the_last_best_one_is_exported():
  rows = (
    evaluated(0, 1.0)
    + evaluated(500, 0.0, 10.0, 20.0, 30.0, 40.0)
    + evaluated(1000, 20.0, 20.0, is_cut=1)
    + evaluated(1500, 5.0, 7.0)
  )
  found = learning_curve.evaluation_curve(rows)
  assert found.env_steps.tolist() == [0, 500, 1000, 1500]
  assert found.mean.tolist() == [1.0, 20.0, 20.0, 6.0]
  assert found.low.tolist() == [1.0, 10.0, 20.0, 5.5]
  assert found.high.tolist() == [1.0, 30.0, 20.0, 6.5]
  assert found.has_cut.tolist() == [False, False, True, False]
  assert found.best == 2


def test_the_best_evaluation_is_marked_only_where_it_is_exported(tmp_path):
  texts = []
  for exports_best in (True, False):
    curve = learning_curve.LearningCurve(
      "X-v0", tmp_path / "x.png", evaluated=EVALUATED, exports_best=exports_best
    )
    legend = curve._figure().legends[0]
    texts.append([text.get_text() for text in legend.get_texts()])
  with_best, without = texts
  assert with_best == [*without, "exported"]


def test_the_users_matplotlib_style_does_not_change_it(tmp_path):
  """Such as one from a matplotlibrc that a notebook has read."""
  path = tmp_path / "curve.png"
  curve = learning_curve.LearningCurve(
    "CartPole-v1", path, episodes(99), EVALUATED
  )
  curve.draw()
  expected = path.read_bytes()
  users_style = {
    "text.usetex": True, "font.size": 30, "axes.facecolor": "red",
    "lines.linewidth": 9, "savefig.format": "pdf",
  }  # fmt: skip
  with matplotlib.rc_context(users_style):
    curve.draw()
    assert matplotlib.rcParams["font.size"] == 30
  assert path.read_bytes() == expected


def test_it_is_redrawn_during_training(tmp_path, monkeypatch):
  path = tmp_path / "curve.png"
  curve = learning_curve.LearningCurve("CartPole-v1", path)
  row = {"env_steps": 0, "evaluation_return": None}
  curve.write(sink.LogEntry(row, None, episodes(5)))
  assert not path.exists()  # too soon
  monkeypatch.setattr(learning_curve, "_SECONDS_BETWEEN_DRAWINGS", 0.0)
  curve.write(sink.LogEntry(row, None, episodes(5)))
  first = path.read_bytes()
  curve.write(sink.LogEntry(row, None, episodes(50)))
  assert path.read_bytes() != first


def test_a_notebook_updates_the_figure_in_place(tmp_path):
  interactiveshell = pytest.importorskip("IPython.core.interactiveshell")
  displaypub = pytest.importorskip("IPython.core.displaypub")
  shell = interactiveshell.InteractiveShell.instance()
  published = []

  class Publisher(displaypub.DisplayPublisher):
    def publish(
      self, data, metadata=None, *, transient=None, update=False, **_
    ):
      published.append((data, transient, update))

  shell.display_pub = Publisher(shell=shell)
  try:
    curve = learning_curve.LearningCurve("CartPole-v1", tmp_path / "curve.png")
    curve.draw()
    curve.write(
      sink.LogEntry(
        {"env_steps": 9, "evaluation_return": 1.0}, None, episodes(9)
      )
    )
    curve.draw()
  finally:
    interactiveshell.InteractiveShell.clear_instance()
  (first, display_id, is_update), (second, same_id, is_second_update) = (
    published
  )
  assert display_id == same_id
  assert (is_update, is_second_update) == (False, True)
  assert first["image/png"] != second["image/png"]
  curve.draw()
  assert len(published) == 2  # outside a notebook nothing is shown
