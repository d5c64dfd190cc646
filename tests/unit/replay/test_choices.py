"""What each way to keep experience makes, and refuses."""

import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.ops import random_stream
from agents_pipeline.replay import choices, newest, prioritized, specs, uniform

EXPERIENCE = specs.ReplaySpec(
  tf.TensorSpec((1,), tf.float32),
  tf.TensorSpec((), tf.int64),
  num_envs=2,
  batch_size=3,
)


def make(choice, progress=0.25):
  lines = []
  made = choice.make(
    EXPERIENCE,
    random_stream.RandomStream(0),
    progress=lambda: tf.constant(progress),
    report=lines.append,
    num_copies=2,
  )
  return made, lines


def test_a_buffer_reports_its_size_before_allocation():
  made, lines = make(choices.ReplayConfig(capacity_env_steps=7))
  assert isinstance(made, uniform.UniformReplayBuffer)
  # 7 rows over two environments: four each.
  assert lines == [
    "replay buffer: 8 transitions, 0.0 MiB (times 2 within a compiled call)"
  ]


def test_a_prioritized_buffer_counts_its_tree_too():
  made, lines = make(choices.PrioritizedReplay(capacity_env_steps=100_000))
  assert isinstance(made, prioritized.PrioritizedReplayBuffer)
  # 28 bytes a row, and a tree of 4 + 1/2 + ... bytes.
  assert lines == [
    "replay buffer: 100,000 transitions, 3.1 MiB (times 2 within a compiled "
    "call)"
  ]


@pytest.mark.parametrize(
  ("progress", "beta"), [(0.0, 0.2), (0.25, 0.4), (0.5, 0.6), (1.0, 1.0)]
)
def test_beta_grows_from_its_initial_value_to_1_over_the_run(progress, beta):
  made, _ = make(choices.PrioritizedReplay(10, initial_beta=0.2), progress)
  assert float(made._beta()) == pytest.approx(beta)


def test_without_replay_nothing_is_reported():
  made, lines = make(choices.NewestTransition())
  assert isinstance(made, newest.NewestTransitionBuffer)
  assert lines == []


@pytest.mark.parametrize(
  "kind", [choices.ReplayConfig, choices.PrioritizedReplay]
)
def test_a_buffer_larger_than_memory_is_rejected(kind):
  with pytest.raises(errors.UserError, match="does not fit in the") as caught:
    make(kind(capacity_env_steps=10**14))
  assert str(caught.value).startswith(f"{kind.__name__}.capacity_env_steps: ")


@pytest.mark.parametrize(
  ("choice", "window", "batch"),
  [
    (choices.ReplayConfig(6), 6, 64),
    (choices.PrioritizedReplay(8), 6, 64),
    (choices.NewestTransition(), 0, 2),
  ],
)
def test_what_an_update_needs(choice, window, batch):
  assert choice.min_env_steps(n_step=3, num_envs=2) == window
  assert choice.num_transitions_per_update(64, num_envs=2) == batch


def test_a_buffer_that_never_holds_a_window_is_rejected():
  with pytest.raises(errors.UserError, match="one window of 3 for each of 2"):
    choices.ReplayConfig(5).min_env_steps(n_step=3, num_envs=2)
  with pytest.raises(errors.UserError, match="at least 4 rows, one more than"):
    choices.PrioritizedReplay(7).min_env_steps(n_step=3, num_envs=2)
