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


ROWS = [
  {"env_steps": 0, "evaluation_return": 9.0},
  {"env_steps": 1000, "evaluation_return": None},
  {"env_steps": 2000, "evaluation_return": 80.0},
]


def colors(path):
  """Returns the colors of an image, as RGB."""
  image = imageio.imread(path)
  assert image.shape == (540, 960, 4)
  return {tuple(c) for c in image[..., :3].reshape(-1, 3)}


def test_it_shows_episodes_their_mean_and_evaluations(tmp_path):
  path = tmp_path / "curve.png"
  dots, mean, greedy = (
    tuple(bytes.fromhex(c[1:]))
    for c in (
      learning_curve._EPISODES, learning_curve._MEAN, learning_curve._GREEDY
    )
  )  # fmt: skip
  curve = learning_curve.LearningCurve("CartPole-v1", path, ROWS, episodes(99))
  curve.draw()
  assert {dots, greedy} <= colors(path) and mean not in colors(path)
  curve.write(
    sink.LogEntry(
      {"env_steps": 990, "evaluation_return": None}, None, episodes(60)
    )
  )
  curve.draw()
  assert {dots, mean, greedy} <= colors(path)
  learning_curve.LearningCurve("nothing yet", path).draw()
  assert not {dots, mean, greedy} & colors(path)


def test_the_users_matplotlib_style_does_not_change_it(tmp_path):
  """Such as one from a matplotlibrc that a notebook has read."""
  path = tmp_path / "curve.png"
  curve = learning_curve.LearningCurve("CartPole-v1", path, ROWS, episodes(99))
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


def test_the_mean_is_of_the_last_hundred_episodes():
  found = learning_curve.running_mean([0.0] * 99 + [100.0, 200.0, 50.0], 100)
  assert found == pytest.approx([1.0, 3.0, 3.5])
  assert len(learning_curve.running_mean([1.0] * 99, 100)) == 0


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
