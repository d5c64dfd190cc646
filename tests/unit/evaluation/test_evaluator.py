"""Evaluation, video and the learning curve."""

import gymnasium as gym
import imageio.v2 as imageio
import matplotlib
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline import errors
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.dqn import network as dqn_network
from agents_pipeline.config import observations, schema, seeding
from agents_pipeline.environments import making
from agents_pipeline.evaluation import best_policy, evaluator, recording, video
from agents_pipeline.runs import learning_curve

CARTPOLE = schema.EnvironmentConfig("CartPole-v1")
ALWAYS_RIGHT = lambda observations: np.ones(len(observations), np.int64)


def by_hand(seed):
  """The return of always pushing right, from an environment of our own."""
  env = making.make_evaluation_environment(CARTPOLE)
  env.reset(seed=seed)
  total, ended = 0.0, False
  while not ended:
    _, reward, terminated, truncated, _ = env.step(1)
    total, ended = total + reward, terminated or truncated
  return total


def test_every_episode_is_whole_and_has_its_own_seed():
  found = evaluator.evaluate(ALWAYS_RIGHT, CARTPOLE, 30, seed=4)
  assert found.seeds[7] == seeding.child_seed(4, "episode", 7)
  assert len(set(found.seeds)) == 30
  assert found.returns == [by_hand(seed) for seed in found.seeds]
  assert found.lengths == [int(r) for r in found.returns]
  fewer = evaluator.evaluate(ALWAYS_RIGHT, CARTPOLE, 3, seed=4)
  assert fewer.returns == found.returns[:3]


def test_the_batch_keeps_its_size_to_the_last_episode():
  sizes = set()

  def act(observations):
    sizes.add(observations.shape)
    return ALWAYS_RIGHT(observations)

  evaluator.evaluate(act, CARTPOLE, 30, seed=0)
  assert sizes == {(25, 4)}


def test_json_tells_every_return_and_the_interval():
  told = evaluator.Evaluation(
    schema.EnvironmentConfig("X-v0"),
    True,
    [1, 2, 3],
    [10.0, 20.0, 30.0],
    [1, 2, 3],
  ).to_json()
  assert told["mean_return"] == 20.0
  assert told["standard_deviation"] == 10.0
  assert told["returns"] == [10.0, 20.0, 30.0]
  assert told["seeds"] == [1, 2, 3]
  assert (told["num_episodes"], told["greedy"]) == (3, True)
  low, high = told["interval_95"]
  assert 10 <= low < 20 < high <= 30


def test_bootstrap_interval_of_a_known_mean():
  # 100 zeros and 100 ones: the mean's standard error is sqrt(0.25 / 200).
  low, high = evaluator.bootstrap_interval([0.0] * 100 + [1.0] * 100)
  error = 1.96 * (0.25 / 200) ** 0.5
  assert (low, high) == pytest.approx((0.5 - error, 0.5 + error), abs=0.006)
  assert evaluator.bootstrap_interval([3.0]) == (3.0, 3.0)


def test_an_mp4_has_a_frame_for_every_observation(tmp_path):
  path = tmp_path / "new" / "film.mp4"
  seen = video.record_video(ALWAYS_RIGHT, CARTPOLE, path, 2, seed=1)
  frames = imageio.mimread(path, memtest=False)
  assert len(frames) == sum(seen.lengths) + 2  # and each episode's first
  assert frames[0].shape[:2] == (400, 600)
  assert np.abs(frames[0][..., :3].astype(int) - frames[8][..., :3]).max() > 50
  assert imageio.get_reader(path).get_meta_data()["fps"] == 50  # CartPole's
  assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_gif_shows_every_observation_for_its_time(tmp_path):
  path = tmp_path / "film.gif"
  seen = video.record_video(ALWAYS_RIGHT, CARTPOLE, path, 1, seed=1)
  with PIL.Image.open(path) as film:
    assert film.size == (600, 400)
    milliseconds = 0
    for i in range(film.n_frames):  # equal frames in a row become one
      film.seek(i)
      milliseconds += film.info["duration"]
    assert film.info["loop"] == 0
  assert milliseconds == 20 * (seen.lengths[0] + 1)


def test_other_endings_are_refused(tmp_path):
  with pytest.raises(errors.UserError, match="ending in .mp4, .gif or .html"):
    video.record_video(ALWAYS_RIGHT, CARTPOLE, tmp_path / "film.avi", 1, seed=1)


def test_random_actions_are_seeded_and_cover_the_space():
  draw = lambda seed: evaluator.random_act(CARTPOLE, seed)(np.zeros((50, 4)))
  np.testing.assert_array_equal(draw(1), draw(1))
  assert set(draw(1)) == {0, 1}
  assert np.any(draw(1) != draw(2))


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


def colours(path):
  """Some colours of a picture."""
  drawn = imageio.imread(path)
  assert drawn.shape == (540, 960, 4)
  return {tuple(c) for c in drawn[..., :3].reshape(-1, 3)}


def test_the_learning_curve_shows_episodes_their_mean_and_evaluations(tmp_path):
  path = tmp_path / "curve.png"
  dots, mean, greedy = (
    tuple(bytes.fromhex(c[1:]))
    for c in (
      learning_curve._EPISODES, learning_curve._MEAN, learning_curve._GREEDY
    )
  )  # fmt: skip
  curve = learning_curve.LearningCurve("CartPole-v1", path, ROWS, episodes(99))
  curve.draw()
  assert {dots, greedy} <= colours(path) and mean not in colours(path)
  curve.add({"env_steps": 990, "evaluation_return": None}, episodes(60))
  curve.draw()
  assert {dots, mean, greedy} <= colours(path)
  learning_curve.LearningCurve("nothing yet", path).draw()
  assert not {dots, mean, greedy} & colours(path)


def test_the_learning_curve_is_drawn_in_a_style_of_its_own(tmp_path):
  """Whatever a person's matplotlibrc says, which a notebook has read."""
  path = tmp_path / "curve.png"
  curve = learning_curve.LearningCurve("CartPole-v1", path, ROWS, episodes(99))
  curve.draw()
  expected = path.read_bytes()
  theirs = {
    "text.usetex": True, "font.size": 30, "axes.facecolor": "red",
    "lines.linewidth": 9, "savefig.format": "pdf",
  }  # fmt: skip
  with matplotlib.rc_context(theirs):
    curve.draw()
    assert matplotlib.rcParams["font.size"] == 30
  assert path.read_bytes() == expected


def test_the_mean_is_of_the_last_hundred_episodes():
  found = learning_curve.running_mean([0.0] * 99 + [100.0, 200.0, 50.0], 100)
  assert found == pytest.approx([1.0, 3.0, 3.5])
  assert len(learning_curve.running_mean([1.0] * 99, 100)) == 0


def test_the_learning_curve_is_redrawn_while_training(tmp_path, monkeypatch):
  path = tmp_path / "curve.png"
  curve = learning_curve.LearningCurve("CartPole-v1", path)
  row = {"env_steps": 0, "evaluation_return": None}
  curve.add(row, episodes(5))
  assert not path.exists()  # the last drawing is not old
  monkeypatch.setattr(learning_curve, "_SECONDS_BETWEEN_DRAWINGS", 0.0)
  curve.add(row, episodes(5))
  first = path.read_bytes()
  curve.add(row, episodes(50))
  assert path.read_bytes() != first


def test_a_notebook_shows_the_figure_in_one_place(tmp_path):
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
    curve.add({"env_steps": 9, "evaluation_return": 1.0}, episodes(9))
    curve.draw()
  finally:
    interactiveshell.InteractiveShell.clear_instance()
  (first, where, update), (second, there, again) = published
  assert where == there and (update, again) == (False, True)
  assert first["image/png"] != second["image/png"]
  curve.draw()
  assert len(published) == 2  # outside a notebook nothing is shown


class Careless(gym.Env):
  """Declares float32 and returns a list of Python floats; never ends."""

  def __init__(self, render_mode=None):
    self.observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    self.action_space = gym.spaces.Discrete(2)

  def reset(self, *, seed=None, options=None):
    return [0.5, 0.25], {}

  def step(self, action):
    return [0.5, 0.25], 1.0, False, False, {}


gym.register("Careless-v0", Careless, disable_env_checker=True)


def test_observations_are_cast_and_endless_episodes_cut(monkeypatch):
  monkeypatch.setattr(evaluator, "MAX_ENV_STEPS", 7)
  types = set()

  def act(observations):
    types.add(observations.dtype)
    return ALWAYS_RIGHT(observations)

  found = evaluator.evaluate(
    act, schema.EnvironmentConfig("Careless-v0"), 2, seed=0
  )
  assert types == {np.dtype(np.float32)}
  assert (found.returns, found.lengths) == ([7.0, 7.0], [7, 7])
  assert found.to_json()["max_env_steps_per_episode"] == 7


class Far(gym.Env):
  """Its observation is finite, but not as float32."""

  observation_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float64)
  action_space = gym.spaces.Discrete(2)

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    return np.array([1e300]), {}


def test_observations_beyond_float32_are_told():
  gym.register("Far-v0", Far)
  try:
    with pytest.raises(errors.EnvironmentFailure, match="range of float32"):
      evaluator.evaluate(
        lambda observations: np.zeros(len(observations), int),
        schema.EnvironmentConfig("Far-v0"),
        1,
        seed=0,
      )
  finally:
    del gym.registry["Far-v0"]


def test_what_does_not_render_is_refused(tmp_path):
  with pytest.raises(errors.UserError, match="does not render 'rgb_array'"):
    video.record_video(
      ALWAYS_RIGHT,
      schema.EnvironmentConfig("Careless-v0"),
      tmp_path / "film.mp4",
      1,
      seed=1,
    )
  assert list(tmp_path.iterdir()) == []


def test_an_atari_video_runs_as_fast_as_the_game():
  """The game has 60 frames per second, of which 4 are one env step."""
  atari = schema.EnvironmentConfig(
    "ALE/Pong-v5", observation=observations.AtariObservation()
  )
  env, recorded = gym.make("CartPole-v1"), recording.Recorded()
  assert recording._frames_per_second(env, atari, recorded) == 15
  own = schema.EnvironmentConfig("CartPole-v1")
  assert recording._frames_per_second(env, own, recorded) == 50
  assert recorded.wrong_fps is None


def test_the_best_policy_is_kept_and_the_later_of_equals():
  network = dqn_network.make_q_network(
    dqn_config.DqnConfig(hidden_layers=(2,)),
    tensor_spec.TensorSpec((3,), tf.float32),
    tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1),
    seed=0,
  )
  best = best_policy.BestPolicy(network)
  kept = []
  for env_steps, mean_return in enumerate([5.0, 9.0, 7.0, 9.0, float("nan")]):
    network.variables[0].assign(tf.fill((2, 3), float(env_steps)))
    kept.append(best.offer(network, mean_return, env_steps))
  assert kept == [True, True, False, True, False]
  assert float(best.mean_return) == 9.0
  assert int(best.env_steps) == 3
  np.testing.assert_array_equal(best.network.variables[0], np.full((2, 3), 3.0))


def test_the_interquartile_mean_cuts_a_quarter_at_either_end():
  ten = np.array([100.0, 1, 2, 3, 4, 5, 6, 7, -500, -900])
  assert evaluator.interquartile_mean(ten) == (1 + 2 + 3 + 4 + 5 + 6) / 6
  assert evaluator.interquartile_mean(ten[:3]) == 103 / 3
  # Of 4 one is cut at either end, of 7 too, of 8 two.
  seven = np.array([9.0, 1, 2, 3, 4, 5, -9])
  assert evaluator.interquartile_mean(seven[:4]) == 5 / 2
  assert evaluator.interquartile_mean(seven) == 15 / 5
  assert evaluator.interquartile_mean(np.array([*seven, 6])) == 14 / 4
  low, high = evaluator.bootstrap_interval(
    ten, statistic=evaluator.interquartile_mean
  )
  assert -500 < low < 3.5 < high < 40
  assert evaluator.bootstrap_interval(
    [7.0] * 9, statistic=evaluator.interquartile_mean
  ) == (7.0, 7.0)
