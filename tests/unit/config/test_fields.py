"""Fields of configurations: what fits, and what is said of what does not."""

import dataclasses

import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.agents import learning_rates, optimizers
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.config import fields, gin_files, rewards


@pytest.mark.parametrize(
  ("binding", "expected"),
  [
    ("DqnConfig.gamma = 1.5", "a number in [0, 1]"),
    ("DqnConfig.gamma = 'x'", "a number in [0, 1]"),
    ("DqnConfig.target_update_tau = 0", "a number in (0, 1]"),
    ("Adam.beta_2 = 1", "a number in [0, 1)"),  # steps of length 0
    ("AdamW.beta_1 = 1.0", "a number in [0, 1)"),
    ("DqnConfig.max_mean_q = 0", "a number above 0 or None"),
    ("DqnConfig.batch_size = 0", "a whole number in [1, 1000000]"),
    ("DqnConfig.batch_size = 2.0", "a whole number in [1, 1000000]"),
    ("DqnConfig.batch_size = True", "a whole number in [1, 1000000]"),
    ("Experiment.seed = -1", "a whole number in [0, 9007199254740992]"),
    (
      "Experiment.seed = 9007199254740993",
      "a whole number in [0, 9007199254740992]",
    ),
    ("DqnConfig.double = 1", "True or False"),
    (
      "DqnConfig.hidden_layers = (64, 0)",
      "a tuple of whole numbers in [1, 65536] such as (64, 64)",
    ),
    (
      "DqnConfig.conv_layers = ((8, 3),)",
      "a tuple of (filters, kernel size, stride) such as ((16, 3, 1),), or "
      "None",
    ),
    (
      "EnvironmentConfig.backend = 'tesnor'",
      "one of 'auto', 'tensor', 'gymnasium'; did you mean 'tensor'?",
    ),
    (
      "DqnConfig.epsilon = 0.1",
      "None or one of @ConstantEpsilon(), @LinearEpsilon(), "
      "@ExponentialEpsilon(), @GeometricEpsilon(), "
      "@LinearEpsilonOverEpisodes()",
    ),
  ],
)
def test_a_value_that_does_not_fit_is_one_line(
  make_experiment, binding, expected
):
  choice = ["DqnConfig.optimizer = @AdamW()"] * ("AdamW" in binding)
  with pytest.raises(errors.UserError) as caught:
    make_experiment(*choice, binding)
  assert str(caught.value) == f"{binding}: expected {expected}"


def test_numbers_that_need_not_be_whole_become_floats():
  choice = rewards.SuccessReward(195, 1, -1)
  assert repr(choice) == (
    "SuccessReward(min_episode_return=195.0, success=1.0, failure=-1.0)"
  )
  assert isinstance(optimizers.RmsProp(initial_accumulator=0).epsilon, float)
  assert isinstance(
    learning_rates.LinearLearningRate(num_train_steps=3).final, float
  )
  config = dqn_config.DqnConfig(gradient_clip_value=None, gamma=1)
  assert config.gamma == 1.0 and isinstance(config.gamma, float)
  assert config.gradient_clip_value is None


def test_a_whole_learning_rate_is_a_rate():
  """Not a schedule, which is what else the field takes."""
  sgd = optimizers.Sgd(learning_rate=1)
  assert isinstance(sgd.learning_rate, float)
  assert sgd.make([tf.Variable([1.0])], None, None).learning_rate == 1.0


def test_the_ends_of_what_fits_fit():
  assert dqn_config.DqnConfig(gamma=0, batch_size=1).gamma == 0.0
  assert optimizers.Adam(beta_1=0.0, beta_2=0.9999999).beta_1 == 0.0


def test_a_class_that_extends_a_choice_can_be_bound(make_experiment):
  """As a user's own module would define it."""

  @fields.config
  class DoubledReward(rewards.Reward):
    """Twice the environment's own."""

    factor: float = fields.number(2.0, above=True)

    def __call__(self, reward, ended, episode_return):
      return self.factor * reward

  choice = "EnvironmentConfig.reward = @DoubledReward()"
  try:
    experiment = make_experiment(choice)
    assert experiment.environment.reward(3.0, False, 0.0) == 6.0
    text = gin_files.to_text(experiment)
    assert "DoubledReward.factor = 2.0" in text
    with pytest.raises(errors.UserError, match=r"factor = 0.0: expected a num"):
      make_experiment(choice, "DoubledReward.factor = 0.0")
  finally:
    del fields.CLASSES["DoubledReward"]


def test_fields_of_its_own_come_after_the_one_that_a_base_names():
  names = [f.name for f in dataclasses.fields(dqn_config.DqnConfig)]
  at = names.index("reward_scale")
  assert names[at : at + 3] == ["reward_scale", "loss", "optimizer"]
  assert (names[0], names[-1]) == ("network", "replay")
  assert dqn_config.DqnConfig(loss="squared").loss == "squared"


def test_activations_are_all_that_keras_knows_by_name():
  activations = tf.keras.activations
  offered = {n for n in dir(activations) if not n.startswith("_")}
  offered -= {"deserialize", "get", "serialize"}
  assert offered <= set(fields.ACTIVATIONS)
  for name in fields.ACTIVATIONS:
    assert callable(activations.get(name))
