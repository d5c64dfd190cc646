"""What is decided, and refused, before a pipeline is built."""

import random

import numpy as np
import pytest

from agents_pipeline import errors
from agents_pipeline.agents import building
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.qr_dqn import config as qr_dqn_config
from agents_pipeline.config import schema, seeding
from agents_pipeline.replay import choices
from agents_pipeline.training import compilation


def experiment(**agent):
  return schema.Experiment(
    agent=dqn_config.DqnConfig(**agent),
    environment=schema.EnvironmentConfig("CartPole-v1"),
    training=schema.TrainingConfig(2_000),
  )


@pytest.mark.parametrize(
  ("fields", "reason"),
  [
    ({}, ""),
    ({"hidden_layers": ()}, ""),
    # 2 * 50 * 1,000 * 1,000 operations.
    (
      {"hidden_layers": (1_000, 1_000), "batch_size": 50},
      "layers and batches this large",
    ),
    ({"hidden_layers": (1_000, 999), "batch_size": 50}, ""),
    ({"conv_layers": ((8, 3, 1),)}, "images"),
  ],
)
def test_a_gpu_pays_for_images_and_wide_layers(fields, reason):
  assert building.gpu_reason(experiment(**fields)) == reason


@pytest.mark.parametrize(
  ("backend", "num_envs", "num_learners", "reason"),
  [
    ("tensor", 511, 1, ""),
    ("tensor", 512, 1, "512 tensor environments"),
    ("gymnasium", 512, 1, ""),
    ("tensor", 1_022, 2, ""),
    ("tensor", 1_024, 2, "512 tensor environments"),
  ],
)
def test_a_gpu_pays_for_many_tensor_environments(
  backend, num_envs, num_learners, reason
):
  environment = schema.EnvironmentConfig(
    "CartPole-v1", num_envs=num_envs, backend=backend
  )
  many = schema.Experiment(
    agent=a2c_config.A2cConfig(),
    environment=environment,
    training=schema.TrainingConfig(2_000_000, num_learners=num_learners),
  )
  assert building.gpu_reason(many) == reason


def test_layers_that_no_memory_holds_are_rejected():
  """99 * 65,536^2 weights, each with five more numbers, of 4 bytes."""
  with pytest.raises(
    errors.UserError,
    match=r"needs 9,504.0 GiB of the .* GiB of memory available",
  ):
    building.build(experiment(hidden_layers=(65_536,) * 100), seeding.Seeds(0))


def test_environments_that_draw_from_the_process_are_seeded_by_the_run():
  def drawn(seed):
    with pytest.raises(errors.UserError):  # after that, which is quick
      building.build(
        experiment(hidden_layers=(65_536,) * 100), seeding.Seeds(seed)
      )
    return random.random(), np.random.random()

  first, other = drawn(0), drawn(1)
  assert drawn(0) == first
  assert first[0] != other[0] and first[1] != other[1]


def test_updates_that_no_memory_holds_are_rejected():
  """5 * 16,777,216 transitions of 128 units and 8 more, 8 bytes each."""
  many = schema.Experiment(
    agent=a2c_config.A2cConfig(),
    environment=schema.EnvironmentConfig("CartPole-v1", num_envs=2**24),
    training=schema.TrainingConfig(2**30),
  )
  expected = (
    r"A2cConfig: an update of 83,886,080 transitions .*num_envs = 16,777,216\) "
    r"needs 85.0 GiB"
  )
  with pytest.raises(errors.UserError, match=expected):
    building.build(many, seeding.Seeds(0))


def test_of_an_update_each_learner_needs_its_share():
  """Two learners' halves of the same update."""
  many = schema.Experiment(
    agent=a2c_config.A2cConfig(),
    environment=schema.EnvironmentConfig("CartPole-v1", num_envs=2**24),
    training=schema.TrainingConfig(2**30, num_learners=2),
  )
  expected = (
    r"A2cConfig: an update of 41,943,040 transitions .*num_envs = 16,777,216 "
    r"of 2 learners\) needs 42.5 GiB"
  )
  with pytest.raises(errors.UserError, match=expected):
    building.build(many, seeding.Seeds(0))


def test_threads_are_chosen_by_the_share_of_a_learner(monkeypatch):
  asked = []
  monkeypatch.setattr(
    compilation,
    "choose_threads",
    lambda largest, *, enters_python: asked.append(largest),
  )
  for num_learners in (1, 2):
    a2c = schema.Experiment(
      agent=a2c_config.A2cConfig(hidden_layers=(64, 32), num_rollout_steps=5),
      environment=schema.EnvironmentConfig("CartPole-v1", num_envs=16),
      training=schema.TrainingConfig(2_000, num_learners=num_learners),
    )
    building.choose_threads(*building.complete(a2c))
  # 2 * 5 * 16 * 64 * 32 operations.
  assert asked == [327_680, 163_840]


def test_updates_of_distributions_that_no_memory_holds_are_rejected():
  """Each of 1,000 quantiles with each of its targets: 10^12 pairs."""
  many = schema.Experiment(
    agent=qr_dqn_config.QrDqnConfig(
      num_quantiles=1_000,
      batch_size=10**6,
      replay=choices.ReplayConfig(capacity_env_steps=10**6),
    ),
    environment=schema.EnvironmentConfig("CartPole-v1"),
    training=schema.TrainingConfig(2_000),
  )
  expected = (
    r"QrDqnConfig: an update of 1,000,000 transitions .* needs 7,511.1 "
  )
  with pytest.raises(errors.UserError, match=expected):
    building.build(many, seeding.Seeds(0))
