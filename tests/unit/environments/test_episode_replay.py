"""Unfinished episodes are replayed, whatever their lengths."""

import json

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline.environments import episode_replay, gymnasium_vector

Mode = gym.vector.AutoresetMode
REPLAYED, NOT_REPLAYED = True, False


class History(gym.Env):
  """Observes its seed, the number of actions, and a hash of the actions.

  Action 2 terminates the episode.
  """

  observation_space = gym.spaces.Box(-1e9, 1e9, (3,), np.float64)
  action_space = gym.spaces.Discrete(3)

  def __init__(self, drift=0.0):
    self._drift = drift  # in every step ever done; 0 is deterministic
    self._total_steps = 0

  def reset(self, *, seed=None, options=None):
    super().reset(seed=seed)
    self._seed, self._actions = seed, []
    return self._observe(), {}

  def _observe(self):
    digest = sum((1 + a) * 3.0**t for t, a in enumerate(self._actions))
    return np.array([self._seed, len(self._actions), digest]) + self._drift * (
      self._total_steps
    )

  def step(self, action):
    self._total_steps += 1
    self._actions.append(int(action))
    reward = 0.25 * len(self._actions)
    return self._observe(), reward, int(action) == 2, False, {}


def make(num_envs, mode=Mode.DISABLED, drift=0.0):
  vector = gym.vector.SyncVectorEnv(
    [lambda: History(drift)] * num_envs, autoreset_mode=mode
  )
  return gymnasium_vector.GymnasiumEnvironment(
    vector, "History", lambda i, n: 1000 * (i + 1) + n
  )


def act(environment, *actions):
  for action in actions:
    environment.step_and_reset(np.array(action, np.int64))


def saved_state(environment):
  """The state as a checkpoint would restore it."""
  return json.loads(json.dumps(environment.get_state()))


# They leave episodes 1, 1, 2 and 0 unfinished, with 3, 0, 1 and 7 actions.
ACTIONS = [
  (0, 1, 2, 0),
  (1, 1, 0, 1),
  (0, 0, 1, 1),
  (2, 0, 0, 0),
  (1, 0, 1, 0),
  (1, 1, 2, 1),
  (0, 2, 0, 1),
]


def test_every_copy_is_in_the_same_state_again():
  original = make(4)
  act(original, *ACTIONS)
  resumed = make(4)
  assert resumed.resume(saved_state(original)) is REPLAYED
  resumed_step, original_step = (
    resumed.current_time_step(),
    original.current_time_step(),
  )
  assert resumed_step.observation[:, 0].tolist() == [1001, 2001, 3002, 4000]
  assert resumed_step.observation[:, 1].tolist() == [3, 0, 1, 7]
  for one, other in zip(resumed_step, original_step, strict=True):
    assert one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)
  # From here on they do the same, and can be saved and resumed again.
  for environment in (resumed, original):
    act(environment, (1, 0, 2, 1), (2, 1, 1, 0))
  assert saved_state(resumed) == saved_state(original)
  third = make(4)
  assert third.resume(saved_state(resumed)) is REPLAYED
  assert saved_state(third) == saved_state(original)


def test_episodes_without_steps_are_resumed():
  original = make(2)
  original.current_time_step()
  resumed = make(2)
  assert resumed.resume(saved_state(original)) is REPLAYED
  assert resumed.current_time_step().step_type.tolist() == [0, 0]
  assert resumed.current_time_step().observation[:, 0].tolist() == [1000, 2000]


def test_a_nondeterministic_environment_begins_new_episodes():
  original = make(2, drift=0.5)
  act(original, (0, 1), (2, 1), (1, 1))
  resumed = make(2, drift=0.5)
  resumed.current_time_step()
  resumed.step_and_reset(np.array([0, 0]))  # a drift that the other has not
  assert resumed.resume(saved_state(original)) is NOT_REPLAYED
  now = resumed.current_time_step()
  assert now.step_type.tolist() == [0, 0]
  # Episodes 1 and 0 were unfinished: 2 and 1 follow.
  assert np.floor(now.observation[:, 0] / 10).tolist() == [100, 200]
  assert saved_state(resumed)["episodes"] == [2, 1]
  assert saved_state(resumed)["actions"] == [[], []]


@pytest.mark.parametrize("mode", [Mode.SAME_STEP, Mode.NEXT_STEP])
def test_episodes_without_seeds_are_not_replayed(mode):
  original = make(1, mode)
  act(original, (0,), (1,))
  assert "actions" not in saved_state(original)
  assert make(1, mode).resume(saved_state(original)) is NOT_REPLAYED


def test_too_long_episodes_are_not_replayed(monkeypatch):
  monkeypatch.setattr(episode_replay, "MAX_ACTIONS", 3)
  original = make(2)
  act(original, (0, 0), (0, 2), (1, 0))
  assert make(2).resume(saved_state(original)) is REPLAYED
  act(original, *[(0, 1)] * 6)
  assert "actions" not in saved_state(original)
  act(original, (2, 2), (1, 0), (0, 0))
  resumed = make(2)
  assert resumed.resume(saved_state(original)) is REPLAYED
  assert resumed.current_time_step().observation[:, 1].tolist() == [2, 2]


def test_float_actions_are_restored_exactly():
  log = episode_replay.ActionLog(2)
  actions = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
  for action in actions[:3]:
    log.add(action)
  log.clear(np.array([False, True]))
  log.add(actions[3])
  restored = episode_replay.ActionLog(2)
  restored.restore(json.loads(json.dumps(log.to_lists())), np.float32)
  assert restored.lengths.tolist() == [4, 1]
  assert restored.to_lists() == log.to_lists()
  np.testing.assert_array_equal(restored.actions[3], actions[3])
