"""Names that users of other libraries type, answered with ours."""

import dataclasses

import pytest

from agents_pipeline import errors
from agents_pipeline.config import fields, gin_files, gin_names

DQN = [
  "Experiment.agent = @DqnConfig()",
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 2_000",
]
A2C = ["Experiment.agent = @A2cConfig()", *DQN[1:]]


def test_every_alias_names_an_existing_field():
  classes = fields.CLASSES
  table = gin_names.aliases()
  assert len(table) > 60
  for name, targets in table.items():
    assert targets and len(set(targets)) == len(targets), name
    for target in targets:
      owner, field = target.split(".")
      there = {f.name for f in dataclasses.fields(classes[owner])}
      assert field in there, (name, target)
      assert name not in there, (name, target)  # it would be taken as it is


@pytest.mark.parametrize(
  ("typed", "meant"),
  [
    # A field of that very name, of another part of the experiment.
    ("DqnConfig.learning_rate", "did you mean 'Adam.learning_rate'?"),
    ("DqnConfig.seed", "did you mean 'Experiment.seed'?"),
    (
      "DqnConfig.capacity_env_steps",
      "did you mean 'ReplayConfig.capacity_env_steps'?",
    ),
    (
      "VideoConfig.num_episodes",
      "did you mean one of 'TrainingConfig.num_episodes', "
      "'EvaluationConfig.num_episodes'?",
    ),
    # Names from elsewhere.
    (
      "TrainingConfig.total_timesteps",
      "did you mean 'TrainingConfig.num_env_steps'?",
    ),
    (
      "DqnConfig.buffer_size",
      "did you mean 'ReplayConfig.capacity_env_steps'?",
    ),
    (
      "DqnConfig.learning_starts",
      "did you mean 'DqnConfig.num_env_steps_before_training'?",
    ),
    ("DqnConfig.net_arch", "did you mean 'DqnConfig.hidden_layers'?"),
    ("DqnConfig.exploration_final_eps", "did you mean 'LinearEpsilon.final'?"),
    ("DqnConfig.n_steps", "did you mean 'DqnConfig.n_step'?"),
    ("EnvironmentConfig.env_id", "did you mean 'EnvironmentConfig.name'?"),
    # A slip of the finger is answered as before.
    ("DqnConfig.gama", "did you mean 'gamma'?"),
  ],
)
def test_a_field_that_is_elsewhere_is_named(typed, meant):
  with pytest.raises(errors.UserError) as caught:
    gin_files.load_experiment([], [*DQN, f"{typed} = 1"])
  assert str(caught.value) == f"unknown gin parameter {typed}: {meant}"


def test_the_field_is_one_that_this_experiment_has():
  for bindings, typed, meant in (
    ([*DQN, "DqnConfig.optimizer = @AdamW()"], "DqnConfig.lr", "AdamW."),
    (A2C, "A2cConfig.learning_rate", "RmsProp.learning_rate"),
    (A2C, "A2cConfig.n_steps", "A2cConfig.num_rollout_steps"),
    (A2C, "A2cConfig.ent_coef", "A2cConfig.entropy_coefficient"),
    (A2C, "A2cConfig.max_grad_norm", "A2cConfig.gradient_clip_global_norm"),
    (A2C, "Experiment.discount", "A2cConfig.gamma"),
  ):
    with pytest.raises(errors.UserError) as caught:
      gin_files.load_experiment([], [*bindings, f"{typed} = 1"])
    assert f"did you mean '{meant}" in str(caught.value)


def test_a_name_without_a_class_is_answered_alike():
  for typed, answer in (
    ("total_timesteps", "did you mean 'TrainingConfig.num_env_steps'?"),
    ("gamma", "did you mean 'DqnConfig.gamma'?"),
    ("foo", "expected a binding such as Class.field = value"),
  ):
    with pytest.raises(errors.UserError) as caught:
      gin_files.load_experiment([], [*DQN, f"{typed} = 1"])
    assert (
      str(caught.value) == f"--gin_bindings: nothing reads {typed!r}; {answer}"
    )
