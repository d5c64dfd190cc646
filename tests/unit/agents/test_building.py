"""What is decided, and refused, before a pipeline is built."""

import pytest

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.config import schema, seeding


def experiment(**agent):
  return schema.Experiment(
    agent=dqn_config.DqnConfig(**agent),
    environment=schema.EnvironmentConfig("CartPole-v1"),
    training=schema.TrainingConfig(2_000),
  )


@pytest.mark.parametrize(
  ("fields", "pays"),
  [
    ({}, False),
    ({"hidden_layers": ()}, False),
    # 2 * 50 * 1,000 * 1,000 operations.
    ({"hidden_layers": (1_000, 1_000), "batch_size": 50}, True),
    ({"hidden_layers": (1_000, 999), "batch_size": 50}, False),
    ({"conv_layers": ((8, 3, 1),)}, True),
  ],
)
def test_a_gpu_pays_for_pictures_and_wide_layers(fields, pays):
  assert building.benefits_from_gpu(experiment(**fields)) == pays


def test_layers_that_no_memory_holds_are_rejected():
  """99 * 65,536^2 weights, each with five more numbers, of 4 bytes."""
  with pytest.raises(errors.UserError, match=r"needs 9,504.0 GiB, and .* GiB"):
    building.build(experiment(hidden_layers=(65_536,) * 100), seeding.Seeds(0))
