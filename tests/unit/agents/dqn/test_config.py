"""Configurations of DQN that could not learn, or are hardly meant."""

import pytest

from agents_pipeline import errors
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import schedules
from agents_pipeline.config import schema
from agents_pipeline.replay import choices

NEWEST = choices.NewestTransition()


def experiment(num_envs=1, num_episodes=None, **agent):
  return schema.Experiment(
    agent=dqn_config.DqnConfig(**agent),
    environment=schema.EnvironmentConfig("CartPole-v1", num_envs=num_envs),
    training=schema.TrainingConfig(2_000, num_episodes=num_episodes),
  )


def first_line(caught):
  """Of an error's message; gin adds where it was raised."""
  return str(caught.value).split("\n")[0]


@pytest.mark.parametrize(
  ("fields", "message"),
  [
    (
      {"replay": choices.ReplayConfig(capacity_env_steps=10)},
      "DqnConfig.batch_size = 64: expected at most "
      "ReplayConfig.capacity_env_steps = 10",
    ),
    (
      {"gradient_clip_value": 1.0, "gradient_clip_global_norm": 1.0},
      "DqnConfig.gradient_clip_value = 1.0 and .gradient_clip_global_norm = "
      "1.0: expected at most one of them; None does not clip",
    ),
    (
      {"num_envs": 2_000, "n_step": 2},
      "DqnConfig.num_env_steps_before_training = 1000: expected at least "
      "n_step * num_envs = 4000, so that there is something to sample",
    ),
    (
      {
        "num_collect_episodes_per_iteration": 1,
        "num_collect_steps_per_iteration": 2,
      },
      "DqnConfig.num_collect_episodes_per_iteration = 1 and "
      ".num_collect_steps_per_iteration = 2: expected at most one of them",
    ),
    (
      {
        "target_update_period_episodes": 5,
        "target_update_period_train_steps": 10,
      },
      "DqnConfig.target_update_period_episodes = 5 and "
      ".target_update_period_train_steps = 10: expected at most one of them",
    ),
    (
      {"batch_normalization": True, "batch_size": 1},
      "DqnConfig.batch_normalization = True: expected more than 1 transition "
      "per update, as one has no variance",
    ),
    (
      {"batch_normalization": True, "replay": NEWEST},  # of one environment
      "DqnConfig.batch_normalization = True: expected more than 1 transition "
      "per update, as one has no variance",
    ),
    (
      {"noisy": True, "epsilon": schedules.ConstantEpsilon(0.1)},
      "DqnConfig.noisy = True and .epsilon = @ConstantEpsilon(): noise "
      "explores instead; expected DqnConfig.epsilon = None",
    ),
    (
      {"noisy_sigma_0": 0.1},
      "DqnConfig.noisy_sigma_0 = 0.1: there is no noise; expected "
      "DqnConfig.noisy = True",
    ),
    (
      {"epsilon": None},
      "DqnConfig.epsilon = None: nothing would explore; expected "
      "DqnConfig.noisy = True, or a schedule such as @LinearEpsilon()",
    ),
  ],
)
def test_what_could_not_learn_is_rejected(fields, message):
  with pytest.raises(errors.UserError) as caught:
    experiment(**fields)
  assert first_line(caught) == message


@pytest.mark.parametrize(
  ("field", "value", "only"),
  [
    ("n_step", 3, 1),
    ("num_collect_steps_per_iteration", 2, 1),
    ("num_collect_episodes_per_iteration", 1, None),
    ("num_train_steps_per_iteration", 2, 1),
    ("learns_while_stepping", True, False),
  ],
)
def test_without_replay_all_is_learned_from_once(field, value, only):
  with pytest.raises(errors.UserError) as caught:
    dqn_config.DqnConfig(replay=NEWEST, **{field: value})
  assert first_line(caught) == (
    f"DqnConfig.{field} = {value}: expected {only} with DqnConfig.replay = "
    "@NewestTransition()"
  )


def test_the_size_of_a_batch():
  assert dqn_config.DqnConfig().num_transitions_per_update(3) == 64
  newest = dqn_config.DqnConfig(replay=NEWEST)
  assert newest.num_transitions_per_update(3) == 3


@pytest.mark.parametrize(
  ("fields", "period", "most"),
  [
    # 1,000 iterations of a train step each after 1,000 env steps.
    ({"target_update_period_train_steps": 1_001}, 1_001, "1000 train steps"),
    # 1,000 of 1,001 env steps are 143 iterations of 7; 2,000 are 286: 143 * 3.
    (
      {
        "target_update_period_train_steps": 430,
        "num_envs": 7,
        "num_train_steps_per_iteration": 3,
      },
      430,
      "429 train steps",
    ),
    (
      {"target_update_period_episodes": 5, "num_episodes": 4},
      5,
      "4 episodes",
    ),
  ],
)
def test_warns_of_a_target_network_that_is_never_updated(fields, period, most):
  name = next(iter(fields))
  assert experiment(**fields).warnings == [
    f"DqnConfig.{name} = {period}: the target network is never updated: "
    f"the run has at most {most}"
  ]
  assert experiment(**fields | {name: period - 1}).warnings == []
  assert experiment(**fields, gamma=0.0).warnings == []  # it has no target
