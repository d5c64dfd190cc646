"""Policies for observations as an environment returns them."""

import os

import numpy as np
import pytest
import served_policies
from gymnasium import spaces

import agents_pipeline
from agents_pipeline import errors


@pytest.fixture(scope="module")
def load(tmp_path_factory):
  """Saves a policy of random weights, and loads it as users do."""

  def save_and_load(name, about=None):
    made = served_policies.make(*served_policies.CASES[name])
    path = tmp_path_factory.mktemp(name) / "policy"
    made.save(path, about or {})
    return made, agents_pipeline.Policy(path)

  return save_and_load


@pytest.mark.parametrize("name", ["dqn_plain", "dqn_masked_dict", "a2c_box"])
def test_one_observation_and_a_batch_give_the_same_actions(name, load):
  made, policy = load(name)
  _, space, actions = served_policies.CASES[name]
  drawn = served_policies.draw(space, 5)
  if not isinstance(space, spaces.Dict):
    drawn = drawn["observation"]
  batch = policy.act(drawn)
  expected = made.act(dict(drawn) if isinstance(drawn, dict) else drawn)
  np.testing.assert_allclose(batch, expected, rtol=1e-4)
  for number, action in enumerate(batch):
    one = (
      {key: value[number] for key, value in drawn.items()}
      if isinstance(drawn, dict)
      else drawn[number]
    )
    found = policy.act(one)
    np.testing.assert_allclose(found, action, rtol=1e-4)
    assert found in actions and found.dtype == actions.dtype


def test_plain_python_numbers_are_observations(load):
  _, policy = load("dqn_plain")
  wanted = policy.act(np.array([1.0, 2.0, 3.0, 4.0], np.float32))
  assert policy.act([1, 2, 3, 4]) == wanted
  assert policy.act([[1, 2, 3, 4]]).tolist() == [wanted]


def test_other_observations_are_refused_in_one_line(load):
  _, plain = load("dqn_plain")
  _, masked = load("dqn_masked_dict")
  picture = np.zeros((12, 12, 3), np.uint8)
  mask = np.array([1, 0, 1], np.int8)
  for policy, observation, message in (
    (
      plain,
      np.zeros(3),
      "observation of shape (3,): expected (4,), or a batch of it, of float32",
    ),
    (plain, np.zeros((1, 1, 4)), "observation of shape (1, 1, 4): expected"),
    (plain, 1.5, "observation of shape (): expected (4,)"),
    (plain, ["up"] * 4, "expected (4,) float32"),
    (plain, [1j, 0, 0, 0], "expected (4,) float32"),
    (plain, [[1], [1, 2], [], []], "expected (4,) float32"),
    (plain, [0, np.nan, 0, 0], "observation is not finite in float32"),
    (plain, [0, 1e300, 0, 0], "observation is not finite in float32"),
    (
      masked,
      {"observation/camera": picture, "action_mask": 0 * mask},
      "action_mask [0, 0, 0]: expected 1 for each allowed action, at least "
      "one, and 0 for the others",
    ),
    (
      masked,
      {"observation/camera": picture, "action_mask": -mask},
      "action_mask [-1, 0, -1]: expected 1",
    ),
    (
      masked,
      {"observation/camera": picture},
      "observation with observation/camera: expected action_mask, "
      "observation/camera",
    ),
    (
      masked,
      {"observation/camera": picture + 0.5, "action_mask": mask},
      "observation/camera of float64: expected values of uint8",
    ),
    (
      masked,
      {"observation/camera": picture[None], "action_mask": mask},
      "observation with some batches among its leaves: expected all of them, "
      "or none",
    ),
  ):
    with pytest.raises(errors.UserError) as caught:
      policy.act(observation)
    assert message in str(caught.value)


def test_its_environment_is_the_one_of_training(load):
  about = {"environment": "CartPole-v1", "max_episode_steps": 9}
  _, policy = load("dqn_plain", about)
  env = policy.make_environment()
  observation, _ = env.reset(seed=0)
  assert policy.act(observation) in served_policies.ACTIONS
  steps = [env.step(number % 2) for number in range(9)]
  assert steps[-1][3] and not any(step[3] for step in steps[:-1])
  _, unknown = load("dqn_plain")
  with pytest.raises(errors.UserError, match="what it was trained on"):
    unknown.make_environment()


def test_render_modes_are_those_of_the_environment(load, monkeypatch):
  _, policy = load("dqn_plain", {"environment": "CartPole-v1"})
  message = (
    "render_mode='humann': 'CartPole-v1' renders in 'human', 'rgb_array'"
  )
  with pytest.raises(errors.UserError, match=message):
    policy.make_environment("humann")
  env = policy.make_environment("rgb_array")
  env.reset(seed=0)
  assert env.render().shape == (400, 600, 3)
  assert os.environ["SDL_VIDEODRIVER"] == "offscreen"
  # A window needs SDL's own driver; with the one for no display, it crashes.
  monkeypatch.setenv("SDL_VIDEODRIVER", "offscreen")  # puts it back
  policy.make_environment("human")
  assert os.environ["SDL_VIDEODRIVER"] == ""
  assert repr(policy).startswith("Policy('/")
