"""What is observed: images, stacked frames, Atari, and what is said of it."""

import json
from typing import ClassVar

import cv2
import gymnasium as gym
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.trajectories import policy_step

from agents_pipeline import errors
from agents_pipeline.config import observations, rewards, schema
from agents_pipeline.environments import checked, loading, making
from agents_pipeline.evaluation import evaluator
from agents_pipeline.training import drivers, episode_statistics

FIRST, MID, LAST = 0, 1, 2
Image, Atari = observations.ImageObservation, observations.AtariObservation
# Nothing is left to chance: both ways to make it must agree.
CERTAIN = Atari(max_noops=0, repeat_action_probability=0.0)


def episode_seed(copy, episode):
  return 1000 * copy + episode


def evaluation(name, observation):
  return making.make_evaluation_environment(
    schema.EnvironmentConfig(name, observation=observation)
  )


def training(name, observation, vectorization="sync", num_envs=1):
  return loading.make_training_environment(
    schema.EnvironmentConfig(
      name,
      num_envs=num_envs,
      vectorization=vectorization,
      observation=observation,
    ),
    None,
    episode_seed,
  )


# Images.


class Unseen(gym.Env):
  """Draws for people alone."""

  metadata: ClassVar = {"render_modes": ["human"]}
  observation_space = gym.spaces.Box(0, 1)
  action_space = gym.spaces.Discrete(2)


def test_images_of_what_draws_none_are_rejected():
  gym.register("Unseen-v0", Unseen)
  with pytest.raises(
    errors.UserError,
    match=r"^EnvironmentConfig.observation = ImageObservation\(.*\): "
    r"'Unseen-v0' renders \['human'\]; expected one that renders 'rgb_array'$",
  ):
    evaluation("Unseen-v0", Image())


@pytest.mark.parametrize(
  ("observation", "shape"),
  [
    (Image(height=40, width=60), (4, 40, 60)),
    (Image(height=40, width=60, num_frames=1), (40, 60)),
    (Image(height=40, width=60, grayscale=False), (4, 40, 60, 3)),
    (Image(height=40, width=60, grayscale=False, num_frames=1), (40, 60, 3)),
    (Image(num_frames=2), (2, 84, 84)),
    (
      Image(height=None, width=None, grayscale=False, num_frames=1),
      (400, 600, 3),  # as CartPole draws itself
    ),
  ],
)
def test_images_have_the_configured_shape(observation, shape):
  env = evaluation("CartPole-v1", observation)
  image, _ = env.reset(seed=0)
  space = env.observation_space
  assert (image.shape, image.dtype) == (shape, np.uint8)
  assert (space.shape, space.dtype) == (shape, np.uint8)
  spec = training("CartPole-v1", observation).observation_spec()
  assert (tuple(spec.shape), spec.dtype) == (shape, tf.uint8)
  assert image.max() == 255 and image.std() > 10


@pytest.mark.parametrize(
  ("fields", "message"),
  [
    (
      {"height": None},
      "ImageObservation.height = None and .width = 84: expected two numbers, "
      "or None for both",
    ),
    (
      {"num_frames": 100_000},
      "ImageObservation.num_frames = 100000: expected a whole number in "
      "[1, 64]",
    ),
  ],
)
def test_images_of_no_such_size_are_rejected(fields, message):
  with pytest.raises(errors.UserError) as caught:
    Image(**fields)
  assert str(caught.value).startswith(message)


def test_gymnasiums_own_wrappers_are_used():
  env, found = evaluation("CartPole-v1", Image()), []
  while isinstance(env, gym.Wrapper):
    found.append(type(env))
    env = env.env
  assert found[:5] == [
    checked.CheckedEnv,
    gym.wrappers.FrameStackObservation,
    gym.wrappers.GrayscaleObservation,
    gym.wrappers.ResizeObservation,
    gym.wrappers.AddRenderObservation,
  ]
  own = evaluation("CartPole-v1", observations.OwnObservation())
  assert own.reset(seed=0)[0].shape == (4,)


def test_black_comes_first_and_the_newest_frame_last():
  """Frames are the rendered image itself; a reset forgets them."""
  env = evaluation(
    "CartPole-v1", Image(height=None, width=None, grayscale=False)
  )
  for seed in (0, 1):
    frames = [np.zeros((400, 600, 3), np.uint8)] * 3
    observed, _ = env.reset(seed=seed)
    for action in (0, 1, 1, 0, 1, 0):
      frames.append(env.render())
      np.testing.assert_array_equal(observed, frames[-4:])
      observed = env.step(action)[0]


def test_an_observed_image_is_used_unchanged():
  as_it_is = Image(
    rendered=False, grayscale=False, height=None, width=None, num_frames=2
  )
  env, plain = evaluation("Catch-v0", as_it_is), gym.make("Catch-v0")
  (stack, _), (board, _) = env.reset(seed=1), plain.reset(seed=1)
  np.testing.assert_array_equal(stack, [np.zeros((10, 5)), board])
  stack, after = env.step(0)[0], plain.step(0)[0]
  np.testing.assert_array_equal(stack, [board, after])


def test_colours_turn_grey_by_their_brightness():
  """Of red, green and blue: 0.2125, 0.7154 and 0.0721 (ITU-R BT.709)."""
  env = evaluation("CartPole-v1", Image(height=None, width=None, num_frames=1))
  grey, _ = env.reset(seed=0)
  colours = env.render() @ np.array([0.2125, 0.7154, 0.0721])
  assert np.abs(grey - colours).max() <= 1
  assert np.ptp(env.render().astype(int), axis=-1).max() > 40  # there are some


def test_images_follow_the_cart():
  """4.8 units are 60 pixels of width: a unit is 12.5; x = 0 is at 30."""
  env = evaluation("CartPole-v1", Image(height=40, width=60, num_frames=1))
  centres = []
  for x in (-1.5, 0.0, 1.0):
    env.reset(seed=0)
    env.unwrapped.state = np.array([x, 0.0, 0.0, 0.0])
    image = env.step(1)[0]
    # The cart is black, from 285 of 400 pixels from the top; a black line over
    # all of the width is at 300.
    dark = 255.0 - image[28]
    centres.append((dark * (np.arange(60) + 0.5)).sum() / dark.sum())
  assert centres == pytest.approx([30 - 1.5 * 12.5, 30, 42.5], abs=0.5)


@pytest.mark.parametrize(
  "vectorization", ["sync", pytest.param("async", marks=pytest.mark.slow)]
)
def test_training_and_evaluation_see_the_same_images(vectorization):
  """Over the ends of episodes: always pushed left, the pole falls soon."""
  observation = Image(height=20, width=30)
  environment = training("CartPole-v1", observation, vectorization, 2)
  envs = [evaluation("CartPole-v1", observation) for _ in range(2)]
  episodes = [0, 0]
  seen = [env.reset(seed=episode_seed(i, 0))[0] for i, env in enumerate(envs)]
  np.testing.assert_array_equal(
    environment.current_time_step().observation, seen
  )
  for step in range(30):
    action = [0, step % 2]
    reached, after = environment.step_and_reset(tf.constant(action, tf.int64))
    for i, env in enumerate(envs):
      image, reward, terminated, _, _ = env.step(action[i])
      np.testing.assert_array_equal(reached.observation[i], image)
      assert (float(reached.reward[i]), bool(reached.is_last()[i])) == (
        reward,
        terminated,
      )
      if terminated:
        episodes[i] += 1
        image, _ = env.reset(seed=episode_seed(i, episodes[i]))
        assert not image[:3].any()
      np.testing.assert_array_equal(after.observation[i], image)
  assert episodes[0] >= 2
  environment.close()


# Atari.


def steps_of(environment, actions):
  """(reached, after) of one copy for each action, plain arrays."""
  for action in actions:
    reached, after = environment.pyenv.step_and_reset(np.array([action]))
    yield (
      tuple(np.array(x)[0] for x in reached),
      tuple(np.array(x)[0] for x in after),
    )


@pytest.mark.parametrize(
  ("game", "num_steps"), [("Pong", 300), ("Breakout", 400)]
)
def test_training_on_atari_shows_what_evaluation_shows(game, num_steps):
  """Frame for frame and reward for reward, over the ends of episodes.

  A lost life ends none of them: with random actions Breakout's five are lost
  within some 200 steps.
  """
  name = f"ALE/{game}-v5"
  environment = training(name, CERTAIN, "vector_entry_point")
  env = evaluation(name, CERTAIN)
  assert environment.action_spec().maximum == env.action_space.n - 1
  first = environment.current_time_step()
  observed, _ = env.reset(seed=5)
  np.testing.assert_array_equal(first.observation[0], observed)
  assert not observed[:3].any() and observed[3].any()
  actions = np.random.default_rng(0).integers(
    env.action_space.n, size=num_steps
  )
  total, num_ended, lives = 0.0, 0, [env.unwrapped.ale.lives()]
  for action, (reached, after) in zip(
    actions, steps_of(environment, actions), strict=True
  ):
    last = observed
    observed, reward, terminated, truncated, _ = env.step(action)
    ended = terminated or truncated
    kind, got, discount, seen = reached
    assert (kind, got, discount) == (
      LAST if ended else MID,
      reward,
      1.0 - terminated,
    )
    np.testing.assert_array_equal(seen, observed)  # the true last one too
    np.testing.assert_array_equal(seen[:3], last[1:])
    lives.append(env.unwrapped.ale.lives())
    total += abs(reward)
    if ended:
      num_ended += 1
      observed, _ = env.reset()
      assert not observed[:3].any()
    kind, _, _, seen = after
    assert kind == (FIRST if ended else MID)
    np.testing.assert_array_equal(seen, observed)
  assert total >= 3
  if game == "Breakout":
    assert num_ended >= 1
    assert set(lives) == {0, 1, 2, 3, 4, 5}


def test_a_frame_is_the_brighter_of_the_last_two_made_smaller():
  """Of the four that an action is repeated for."""
  env = evaluation("ALE/Breakout-v5", CERTAIN)
  raw = gym.make(
    "ALE/Breakout-v5",
    frameskip=1,
    obs_type="grayscale",
    repeat_action_probability=0.0,
  )
  env.reset(seed=0)
  raw.reset(seed=0)
  differ = 0
  for action in (1, 2, 2, 3, 3, 3, 2, 0, 0, 2):
    frames = [raw.step(action)[0] for _ in range(4)]
    brighter = np.maximum(frames[2], frames[3])
    differ += np.any(frames[2] != frames[3])
    np.testing.assert_array_equal(
      env.step(action)[0][-1],
      cv2.resize(brighter, (84, 84), interpolation=cv2.INTER_AREA),
    )
  assert differ > 3


@pytest.fixture
def shorten_episodes(monkeypatch):
  """Makes Atari's vector environments truncate after so many frames."""
  atari = observations.AtariObservation
  whole = atari.vector_arguments

  def shorten(num_frames):
    monkeypatch.setattr(
      atari,
      "vector_arguments",
      lambda choice: whole(choice) | {"max_num_frames_per_episode": num_frames},
    )

  return shorten


@pytest.mark.parametrize("max_noops", [0, 5])
def test_a_truncated_episode_has_its_true_last_observation(
  shorten_episodes, max_noops
):
  """40 frames are 10 steps; the next begins with three black ones."""
  shorten_episodes(40)
  environment = training(
    "ALE/Breakout-v5",
    Atari(max_noops=max_noops, repeat_action_probability=0.0),
    "vector_entry_point",
  )
  observed = environment.current_time_step().observation[0].numpy()
  ended = []
  for step, (reached, after) in enumerate(
    steps_of(environment, [1, 2, 3, 2] * 6)
  ):
    kind, _, discount, seen = reached
    assert discount == 1  # truncated
    np.testing.assert_array_equal(seen[:3], observed[1:])
    if kind == LAST:
      ended.append(step)
      assert seen[:3].any(axis=(1, 2)).all()
      assert not after[3][:3].any() and after[3][3].any()
      assert (int(after[0]), float(after[1]), float(after[2])) == (FIRST, 0, 1)
    else:
      np.testing.assert_array_equal(seen, after[3])
    observed = after[3]
  assert ended[0] == 9 if max_noops == 0 else 7 < ended[0] < 10
  assert len(ended) >= 2


def test_rewards_are_clipped_where_they_are_learned_from(shorten_episodes):
  """Asterix' lyres are worth 50; one is caught at the 17th step."""
  shorten_episodes(80)
  name = "ALE/Asterix-v5"
  statistics = episode_statistics.EpisodeStatistics(1, 10)
  environment = training(name, CERTAIN, "vector_entry_point")
  observed = []
  driver = drivers.StepDriver(
    environment, None, [observed.append], statistics, rewards.ClipReward()
  )
  env = evaluation(name, CERTAIN)
  env.reset(seed=0)
  true, learned = [], []
  for _ in range(20):
    action = policy_step.PolicyStep(tf.constant([1], tf.int64))
    driver.transition(environment.current_time_step(), action)
    learned.append(float(observed[-1].next_time_step.reward[0]))
    true.append(env.step(1)[1])
  assert true == [0.0] * 16 + [50.0] + [0.0] * 3
  assert learned == [0.0] * 16 + [1.0] + [0.0] * 3
  assert statistics.ended().returns.tolist() == [50]


def test_sticky_actions_act_in_training_and_in_evaluation():
  """Two copies that do the same part company, but only where it is random."""
  for probability, alike in ((0.0, True), (0.5, False)):
    observation = Atari(max_noops=0, repeat_action_probability=probability)
    environment = training(
      "ALE/Breakout-v5", observation, "vector_entry_point", 2
    )
    env = evaluation("ALE/Breakout-v5", observation)
    content = env.unwrapped.ale.getFloat("repeat_action_probability")
    assert content == probability
    for step in range(20):
      reached, _ = environment.pyenv.step_and_reset(np.full(2, 2 + step % 2))
    one, other = reached.observation
    assert np.array_equal(one, other) == alike


def test_evaluated_episodes_begin_with_no_ops():
  """From 1 to 3; every number of them is drawn."""
  env = evaluation(
    "ALE/Breakout-v5", Atari(max_noops=3, repeat_action_probability=0.0)
  )
  env.reset(seed=0)
  frames = set()
  for _ in range(20):
    env.reset()
    frames.add(env.unwrapped.ale.getEpisodeFrameNumber())
  assert frames == {1, 2, 3}
  assert env.unwrapped.ale.getInt("max_num_frames_per_episode") == 108_000


# What is said of it.


def test_an_evaluation_on_atari_says_how_it_was_made():
  found = evaluator.Evaluation(
    schema.EnvironmentConfig(
      "ALE/Pong-v5",
      observation=Atari(
        frame_skip=3, screen_size=42, num_frames=2, max_noops=7
      ),
    ),
    True,
    [11, 12],
    [20.0, 22.0],
    [100, 200],
    max_env_steps=27_000,
    are_cut=[False, False],
  )
  content = json.loads(json.dumps(found.to_json()))
  assert content["observation"] == {
    "kind": "AtariObservation",
    "frame_skip": 3,
    "screen_size": 42,
    "num_frames": 2,
    "max_noops": 7,
    "repeat_action_probability": 0.25,
    "max_pooled_frames": 2,
    "lost_life_ends_episode": False,
    "actions": "minimal set",
    "max_frames_per_episode": 108_000,
  }
  assert "neither clipped" in content["rewards"]
  assert content["environment"] == "ALE/Pong-v5"
  assert content["max_env_steps_per_episode"] == 27_000
  assert content["mean_return"] == 21
  assert content["seeds"] == [11, 12]


CHOICES = [
  observations.OwnObservation(),
  Image(),
  Image(False, False, None, None, 1),
  Image(height=20, width=30, num_frames=3),
  Atari(),
  Atari(2, 42, 1, 0, 0.5),
]


@pytest.mark.parametrize("choice", CHOICES, ids=repr)
def test_choices_survive_a_file(choice):
  content = json.loads(json.dumps(observations.to_json(choice)))
  assert observations.from_json(content) == choice
  assert choice.protocol().items() >= content.items()


@pytest.mark.parametrize(
  ("content", "message"),
  [
    ({"kind": "Sound"}, "expected one of OwnObservation, ImageObservation"),
    ({}, "expected one of OwnObservation"),
    ({"kind": "ImageObservation", "loudness": 3}, "loudness"),
    ({"kind": "ImageObservation", "num_frames": 0}, "num_frames"),
  ],
)
def test_what_is_no_choice_is_one_line(content, message):
  with pytest.raises(errors.UserError, match=message) as caught:
    observations.from_json(content)
  assert "\n" not in str(caught.value)
