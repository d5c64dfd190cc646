"""Wrappers by name: gymnasium's, a user's own, and those that are refused."""

import sys

import gymnasium as gym
import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.config import gin_files, schema
from agents_pipeline.environments import making, wrapping


def config_of(*wrappers, name="Pendulum-v1", **fields):
  return schema.EnvironmentConfig(name, wrappers=wrappers, **fields)


def test_wrappers_are_put_around_in_their_order():
  env = making.make_evaluation_environment(
    config_of(
      ("RescaleAction", {"min_action": -1.0, "max_action": 1.0}),
      ("DiscretizeAction", {"bins": 5}),
      "TimeAwareObservation",
    )
  )
  # The other way round, there would be no Box to rescale.
  assert env.action_space == gym.spaces.Discrete(5)
  assert env.observation_space.shape == (4,)  # Pendulum's 3, and the time
  env.reset(seed=0)
  assert [env.step(0)[0][3] for _ in range(3)] == [1.0, 2.0, 3.0]
  env.close()


@pytest.mark.parametrize("vectorization", ["sync", "async"])
def test_every_copy_is_wrapped(vectorization, tmp_path, monkeypatch):
  (tmp_path / "my_wrappers.py").write_text(
    "import gymnasium as gym\n"
    "class Twice(gym.ActionWrapper):\n"
    "  def __init__(self, env, by=2.0):\n"
    "    super().__init__(env)\n"
    "    self.by = by\n"
    "  def action(self, action):\n"
    "    return self.by * action\n"
  )
  monkeypatch.syspath_prepend(tmp_path)
  monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # of the copies' processes
  steps = []
  for wrappers, action in (((), 1.0), ((("my_wrappers:Twice", {}),), 0.5)):
    env = making.make_vector_environment(
      config_of(*wrappers, num_envs=2, vectorization=vectorization)
    )
    env.reset(seed=[3, 4])
    steps.append(env.step(np.full((2, 1), action, np.float32))[0])
    env.close()
  np.testing.assert_array_equal(*steps)


def test_a_wrapper_may_take_any_number_of_arguments(tmp_path, monkeypatch):
  (tmp_path / "loose_wrappers.py").write_text(
    "def any_positional(env, *args): return env\n"
    "def any_named(env, **kwargs): return env\n"
  )
  monkeypatch.syspath_prepend(tmp_path)
  config = config_of(
    "loose_wrappers:any_positional", ("loose_wrappers:any_named", {"x": 1})
  )
  env = gym.make("CartPole-v1")
  assert [wrap(env) for wrap in wrapping.wrappers_of(config)] == [env] * 2


def test_they_are_part_of_the_experiment(make_experiment):
  given = make_experiment(
    "EnvironmentConfig.wrappers = ('FlattenObservation', "
    "('StickyAction', {'repeat_action_probability': 0.1}))"
  )
  assert given.environment.wrappers == (
    ("FlattenObservation", {}),
    ("StickyAction", {"repeat_action_probability": 0.1}),
  )
  again = gin_files.load_experiment([], gin_files.to_text(given).splitlines())
  assert again.environment == given.environment


@pytest.mark.parametrize(
  ("wrapper", "expected"),
  [
    ("FlatenObservation", "unknown wrapper .* mean 'FlattenObservation'"),
    ("NormalizeObservation", "use normalize_observations of"),
    ("ClipReward", "use EnvironmentConfig.reward, which evaluations do not"),
    ("TimeLimit", "use EnvironmentConfig.max_episode_steps"),
    (("ClipAction", {"low": 0}), "takes no 'low'; expected no arguments"),
    (("RescaleAction", {"min_action": 0}), "needs 'max_action'; expected"),
    ("no_such_module:X", "cannot import 'no_such_module'"),
    ("my_other_wrappers:Twise", "has no 'Twise'; .* mean 'Twice'"),
  ],
)
def test_what_is_no_wrapper_is_one_line(
  wrapper, expected, tmp_path, monkeypatch
):
  (tmp_path / "my_other_wrappers.py").write_text("class Twice: pass\n")
  monkeypatch.syspath_prepend(tmp_path)
  with pytest.raises(errors.UserError, match=expected) as caught:
    wrapping.wrappers_of(config_of(wrapper))
  assert str(caught.value).startswith("EnvironmentConfig.wrappers: ")


def test_what_is_refused_is_all_that_there_is_beside_what_is_known():
  """A new version of gymnasium may bring wrappers that keep a state."""
  known = {*gym.wrappers.__all__} - wrapping._NO_WRAPPERS
  assert wrapping._REFUSED.keys() <= known
  assert known - wrapping._REFUSED.keys() == {
    "AddWhiteNoise", "ClipAction", "DelayObservation", "DiscretizeAction",
    "DiscretizeObservation", "DtypeObservation", "FilterObservation",
    "FlattenObservation", "FrameStackObservation", "GrayscaleObservation",
    "MaxAndSkipObservation", "ObstructView", "RepeatAction", "RescaleAction",
    "RescaleObservation", "ReshapeObservation", "ResizeObservation",
    "StickyAction", "TimeAwareObservation",
  }  # fmt: skip


@pytest.mark.parametrize(
  "name",
  [
    "gymnasium.wrappers:NormalizeObservation",
    "gymnasium.wrappers.stateful_observation:NormalizeObservation",
    "gymnasium.wrappers:TimeLimit",
    "my_failing:Extended",
  ],
)
def test_a_refused_wrapper_is_refused_under_any_name(name, my_failing):
  with pytest.raises(errors.UserError, match="is not supported here; use"):
    making.make_evaluation_environment(config_of(name))


@pytest.fixture
def my_failing(tmp_path, monkeypatch):
  (tmp_path / "my_failing.py").write_text(
    "import gymnasium as gym\n"
    "class Extended(gym.wrappers.NormalizeObservation): pass\n"
    "def fails(env): raise KeyError('observatoin')\n"
    "def nothing(env): pass\n"
  )
  monkeypatch.syspath_prepend(tmp_path)
  yield
  sys.modules.pop("my_failing", None)


@pytest.mark.parametrize(
  ("name", "message"),
  [
    ("my_failing:fails", "'my_failing:fails' cannot be put around <.*Pendulum"),
    ("my_failing:nothing", "'my_failing:nothing' returned NoneType; expected"),
    ("numpy:array", "'numpy:array' returned ndarray; expected an environment"),
  ],
)
def test_a_wrapper_that_fails_is_named(name, message, my_failing):
  with pytest.raises(errors.UserError, match=message) as caught:
    making.make_evaluation_environment(config_of(name))
  assert "\n" not in str(caught.value)
  assert bool(caught.value.trace) == name.endswith("fails")
