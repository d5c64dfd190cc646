"""Episodes under way are played again, whatever their lengths."""

import json

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline.environments import episode_replay, gymnasium_vector

Mode = gym.vector.AutoresetMode
AGAIN, ANEW = True, False


class Diary(gym.Env):
  """Shows its seed, how many actions were taken, and a sum that tells them.

  An action of 2 ends the episode.
  """

  observation_space = gym.spaces.Box(-1e9, 1e9, (3,), np.float64)
  action_space = gym.spaces.Discrete(3)

  def __init__(self, drift=0.0):
    self._drift = drift  # of every observation, ever: 0 is deterministic
    self._steps_ever = 0

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self._seed, self._done = seed, []
    return self._observe(), {}

  def _observe(self):
    told = sum((1 + a) * 3.0**t for t, a in enumerate(self._done))
    return np.array([self._seed, len(self._done), told]) + self._drift * (
      self._steps_ever
    )

  def step(self, action):
    self._steps_ever += 1
    self._done.append(int(action))
    reward = 0.25 * len(self._done)
    return self._observe(), reward, int(action) == 2, False, {}


def make(num_envs, mode=Mode.DISABLED, drift=0.0):
  vector = gym.vector.SyncVectorEnv(
    [lambda: Diary(drift)] * num_envs, autoreset_mode=mode
  )
  return gymnasium_vector.GymnasiumEnvironment(
    vector, "Diary", lambda i, n: 1000 * (i + 1) + n
  )


def act(environment, *actions):
  for action in actions:
    environment.step_and_reset(np.array(action, np.int64))


def passed_on(environment):
  """What a checkpoint would hold, from a file."""
  return json.loads(json.dumps(environment.whereabouts()))


# Lengths of the episodes under way: 3, 0, 1 and 7, of episodes 1, 1, 2 and 0.
ACTIONS = [
  (0, 1, 2, 0),
  (1, 1, 0, 1),
  (0, 0, 1, 1),
  (2, 0, 0, 0),
  (1, 0, 1, 0),
  (1, 1, 2, 1),
  (0, 2, 0, 1),
]


def test_every_copy_stands_where_it_stood():
  left = make(4)
  act(left, *ACTIONS)
  went_on = make(4)
  assert went_on.resume(passed_on(left)) is AGAIN
  now, then = went_on.current_time_step(), left.current_time_step()
  assert now.observation[:, 0].tolist() == [1001, 2001, 3002, 4000]
  assert now.observation[:, 1].tolist() == [3, 0, 1, 7]
  for one, other in zip(now, then, strict=True):
    assert one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)
  # From here on they do the same, and can be left and resumed again.
  for environment in (went_on, left):
    act(environment, (1, 0, 2, 1), (2, 1, 1, 0))
  assert passed_on(went_on) == passed_on(left)
  third = make(4)
  assert third.resume(passed_on(went_on)) is AGAIN
  assert passed_on(third) == passed_on(left)


def test_before_the_first_step_there_is_nothing_to_play():
  left = make(2)
  left.current_time_step()
  went_on = make(2)
  assert went_on.resume(passed_on(left)) is AGAIN
  assert went_on.current_time_step().step_type.tolist() == [0, 0]
  assert went_on.current_time_step().observation[:, 0].tolist() == [1000, 2000]


def test_an_environment_that_does_otherwise_begins_new_episodes():
  left = make(2, drift=0.5)
  act(left, (0, 1), (2, 1), (1, 1))
  went_on = make(2, drift=0.5)
  went_on.current_time_step()
  went_on.step_and_reset(np.array([0, 0]))  # it has drifted elsewhere
  assert went_on.resume(passed_on(left)) is ANEW
  now = went_on.current_time_step()
  assert now.step_type.tolist() == [0, 0]
  # Episodes 1 and 0 were under way: 2 and 1 follow.
  assert np.floor(now.observation[:, 0] / 10).tolist() == [100, 200]
  assert passed_on(went_on)["episodes"] == [2, 1]
  assert passed_on(went_on)["actions"] == [[], []]


@pytest.mark.parametrize("mode", [Mode.SAME_STEP, Mode.NEXT_STEP])
def test_resets_without_a_seed_of_ours_are_not_played_again(mode):
  left = make(1, mode)
  act(left, (0,), (1,))
  assert "actions" not in passed_on(left)
  assert make(1, mode).resume(passed_on(left)) is ANEW


def test_an_episode_too_long_is_not_played_again(monkeypatch):
  monkeypatch.setattr(episode_replay, "MAX_ACTIONS", 3)
  left = make(2)
  act(left, (0, 0), (0, 2), (1, 0))
  assert make(2).resume(passed_on(left)) is AGAIN
  act(left, *[(0, 1)] * 6)
  assert "actions" not in passed_on(left)
  act(left, (2, 2), (1, 0), (0, 0))
  went_on = make(2)
  assert went_on.resume(passed_on(left)) is AGAIN
  assert went_on.current_time_step().observation[:, 1].tolist() == [2, 2]


def test_numbers_that_are_no_integers_come_back_exactly():
  log = episode_replay.ActionLog(2)
  actions = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
  for action in actions[:3]:
    log.add(action)
  log.begin(np.array([False, True]))
  log.add(actions[3])
  again = episode_replay.ActionLog(2)
  again.restore(json.loads(json.dumps(log.to_lists())), np.float32)
  assert again.lengths.tolist() == [4, 1]
  assert again.to_lists() == log.to_lists()
  np.testing.assert_array_equal(again.actions[3], actions[3])
