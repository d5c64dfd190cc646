"""What an experiment is: its parts together, and what they amount to."""

import json

import pytest

from agents_pipeline import errors
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.config import (
  encoders,
  environment,
  observations,
  schema,
)


def experiment(num_envs=1, num_env_steps=2_000, **agent):
  return schema.Experiment(
    agent=dqn_config.DqnConfig(**agent),
    environment=schema.EnvironmentConfig("CartPole-v1", num_envs=num_envs),
    training=schema.TrainingConfig(num_env_steps),
  )


def first_line(caught):
  """Of an error's message; gin adds where it was raised."""
  return str(caught.value).split("\n")[0]


IMAGES = observations.ImageObservation()
ATARI = observations.AtariObservation()


@pytest.mark.parametrize(
  ("name", "fields", "expected"),
  [
    (
      "CartPole-v1",
      {"observation": ATARI},
      "'CartPole-v1' is not an Atari game; expected an id such as "
      "'ALE/Pong-v5'",
    ),
    (
      "CartPole-v1",
      {"observation": IMAGES, "backend": "tensor"},
      "tensor environments give only their own observations; expected "
      "EnvironmentConfig.backend = 'auto'",
    ),
    (
      "CartPole-v1",
      {"observation": IMAGES, "vectorization": "vector_entry_point"},
      "the vector version of 'CartPole-v1' takes no wrappers; expected "
      "EnvironmentConfig.vectorization = 'sync' or 'async'",
    ),
    (
      "ALE/Pong-v5",
      {"observation": IMAGES, "vectorization": "vector_entry_point"},
      "the vector version of 'ALE/Pong-v5' takes no wrappers; expected "
      "@AtariObservation()",
    ),
  ],
)
def test_an_observation_that_cannot_be_made_is_rejected(name, fields, expected):
  with pytest.raises(errors.UserError) as caught:
    schema.EnvironmentConfig(name, **fields)
  choice = fields["observation"]
  assert first_line(caught) == (
    f"EnvironmentConfig.observation = {choice!r}: {expected}"
  )


def test_more_processes_than_a_machine_has_are_rejected():
  make = lambda number: schema.EnvironmentConfig(
    "CartPole-v1", num_envs=number, vectorization="async"
  )
  assert make(1_024).num_envs == 1_024
  with pytest.raises(errors.UserError, match="expected at most 1024, or Env"):
    make(1_025)


# 285 iterations of 7 are 1,995 env steps; one more, and the run is over.
@pytest.mark.parametrize(("num_envs", "most"), [(1, 1_999), (7, 1_995)])
def test_a_run_that_would_learn_nothing_is_rejected(num_envs, most):
  assert experiment(num_envs, num_env_steps_before_training=most)
  with pytest.raises(errors.UserError) as caught:
    experiment(num_envs, num_env_steps_before_training=most + 1)
  assert first_line(caught) == (
    f"DqnConfig.num_env_steps_before_training = {most + 1}: expected at most "
    f"{most}, so that something is learned in TrainingConfig.num_env_steps = "
    "2000"
  )


def test_env_steps_of_an_iteration():
  by_steps = experiment(num_envs=3, num_collect_steps_per_iteration=4)
  assert by_steps.num_env_steps_per_iteration == 12
  assert by_steps.num_env_steps_per_result == 120_000
  # Every one of 1,000, the log period, and of an iteration more ends one.
  assert by_steps.max_episodes_per_result == 1_012
  by_episodes = experiment(num_envs=3, num_collect_episodes_per_iteration=5)
  assert by_episodes.num_env_steps_per_iteration is None
  assert by_episodes.num_env_steps_per_result == 30_000
  assert by_episodes.max_episodes_per_result == 1_000 + 5 + 3


def test_an_environment_survives_a_file_of_json():
  config = schema.EnvironmentConfig(
    "Some-v0",
    arguments={"size": (2, 3), "kind": {"a": 1}},
    max_episode_steps=7,
    wrappers=(("Resize", {"shape": (84, 84)}), "Flat"),
    encoder=encoders.ObservationEncoder({"x": "dropped"}),
    action_mask="info",
  )
  written = json.loads(json.dumps(config.to_json()))
  assert environment.from_json(written) == config
  plain = schema.EnvironmentConfig("Some-v0", arguments={"size": 2})
  assert plain.to_json()["arguments"] == {"size": 2}
  only_named = schema.EnvironmentConfig("Some-v0")
  assert environment.from_json({"environment": "Some-v0"}) == only_named


@pytest.mark.parametrize(
  "broken", [{"arguments": "size = 2"}, {"wrappers": ["Flat"]}, {"keys": 3}]
)
def test_what_is_no_environment_in_a_file_is_refused(broken):
  with pytest.raises(errors.UserError):
    environment.from_json({"environment": "Some-v0"} | broken)
