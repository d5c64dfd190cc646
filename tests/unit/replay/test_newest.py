"""No replay: every transition is learned from once, when it is new."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from agents_pipeline.agents import building
from agents_pipeline.config import seeding
from agents_pipeline.replay import newest, specs

FIRST, MID, LAST = 0, 1, 2
TIME_STEP_SPEC = ts.time_step_spec(tensor_spec.TensorSpec((2,), tf.float32))
ACTION_SPEC = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1)


def make(num_envs=2):
  """Room for transitions with observations [2]."""
  spec = tf.TensorSpec((2,), tf.float32)
  return newest.NewestTransitionBuffer(
    specs.ReplaySpec(spec, ACTION_SPEC, num_envs)
  )


def transition(own, action, reward, discount, reached, kinds):
  """One of every environment; kinds are the step types of both ends."""
  step = lambda kind, reward, discount, observation: ts.TimeStep(
    tf.constant(kind, tf.int32), tf.constant(reward, tf.float32),
    tf.constant(discount, tf.float32), tf.constant(observation, tf.float32),
  )  # fmt: skip
  own_kinds, reached_kinds = zip(*kinds, strict=True)
  ones = [1.0] * len(reward)
  return trajectory.Transition(
    step(own_kinds, [99.0] * len(reward), ones, own),
    policy_step.PolicyStep(tf.constant(action, tf.int64), (), ()),
    step(reached_kinds, reward, discount, reached),
  )


# The first environment continues, the second terminates.
OLD = transition(
  [[5, 6], [7, 8]], [1, 1], [-1, -2], [1, 1], [[1, 2], [2, 1]],
  [(FIRST, MID), (MID, MID)],
)  # fmt: skip
NEW = transition(
  [[1, 2], [2, 1]], [0, 0], [7, 7], [1, 0], [[3, 1], [4, 4]],
  [(MID, MID), (MID, LAST)],
)  # fmt: skip


def test_the_newest_transition_of_every_environment(compiled):
  buffer = make()

  def add_and_read():
    buffer.add(OLD)
    buffer.add(NEW)
    return buffer.sample().transitions

  found = compiled(add_and_read)()
  own, action, reached = found
  assert own.observation.numpy().tolist() == [[1, 2], [2, 1]]
  assert reached.observation.numpy().tolist() == [[3, 1], [4, 4]]
  assert action.action.numpy().tolist() == [0, 0]
  assert reached.reward.numpy().tolist() == [7, 7]
  assert reached.discount.numpy().tolist() == [1, 0]
  assert own.step_type.numpy().tolist() == [MID, MID]
  assert reached.step_type.numpy().tolist() == [MID, LAST]
  # Read again it is the same: nothing is drawn.
  again = compiled(lambda: buffer.sample().transitions)()
  tf.nest.map_structure(np.testing.assert_array_equal, found, again)


def test_older_ones_are_gone():
  buffer = make()
  buffer.add(OLD)
  buffer.add(NEW)
  kept = np.concatenate([v.numpy().ravel() for v in buffer.variables])
  assert not {5, 6, 8, -1, -2} & set(kept.tolist())


class Tape(tf.Module):
  """Rows of numbers, written in the order of the work, also within XLA."""

  def __init__(self, num_rows, *shape):
    super().__init__()
    self._rows = tf.Variable(tf.zeros((num_rows, *shape)))
    self._count = tf.Variable(0)

  def write(self, row):
    self._rows.scatter_nd_update([[self._count.read_value()]], row[None])
    self._count.assign_add(1)

  def read(self):
    return self._rows[: int(self._count)].numpy()


def as_numbers(*fields):
  """[B, D] float32 of fields of [B] or [B, ...]."""
  flat = lambda x: tf.reshape(tf.cast(x, tf.float32), (x.shape[0], -1))
  return tf.concat([flat(x) for x in fields], 1)


@pytest.fixture
def taped(make_experiment, monkeypatch):
  """Runs FlappyBall without replay; what was added and what was learned from.

  A row is (y, v, y reached, v reached, action, reward, discount, step type,
  step type reached), of every environment.
  """

  def run(num_iterations, *bindings):
    num_envs = 2 if "EnvironmentConfig.num_envs = 2" in bindings else 1
    added, learned = (Tape(num_iterations + 5, num_envs, 9) for _ in range(2))
    add, sample = (
      newest.NewestTransitionBuffer.add,
      newest.NewestTransitionBuffer.sample,
    )

    def write(tape, transition):
      own, action, reached = transition
      tape.write(
        as_numbers(
          own.observation, reached.observation, action.action, reached.reward,
          reached.discount, own.step_type, reached.step_type,
        )
      )  # fmt: skip

    def add_on_tape(self, transition):
      write(added, transition)
      return add(self, transition)

    def sample_on_tape(self):
      sampled = sample(self)
      write(learned, sampled.transitions)
      return sampled

    monkeypatch.setattr(newest.NewestTransitionBuffer, "add", add_on_tape)
    monkeypatch.setattr(newest.NewestTransitionBuffer, "sample", sample_on_tape)
    pipeline = building.build(
      make_experiment(
        "EnvironmentConfig.name = 'FlappyBall-v0'",
        "DqnConfig.replay = @NewestTransition()",
        "DqnConfig.loss = 'squared'",
        "DqnConfig.gamma = 0.5",
        "DqnConfig.num_random_env_steps = 0",
        "DqnConfig.num_env_steps_before_training = 0",
        *bindings,
      ),
      seeding.Seeds(0),
    )
    before = [v.numpy() for v in pipeline.network.variables]
    first = pipeline.compiled.train(tf.constant(1)).sums[0]
    pipeline.compiled.train(tf.constant(num_iterations - 1))
    return pipeline, added.read(), learned.read(), (before, float(first))

  return run


def q_values(weights, observation):
  """Of a network with one hidden layer."""
  hidden, hidden_bias, head, head_bias = weights
  return (
    np.maximum(observation @ hidden.T + hidden_bias, 0) @ head.T + head_bias
  )  # [A]


@pytest.mark.parametrize(
  "bindings",
  [
    ("EnvironmentConfig.backend = 'tensor'",),
    ("EnvironmentConfig.backend = 'gymnasium'",),
    ("EnvironmentConfig.num_envs = 2",),
  ],
  ids=["tensor", "gymnasium", "tensor of two"],
)
def test_every_transition_is_learned_from_once_and_in_order(taped, bindings):
  pipeline, added, learned, (weights, first_loss) = taped(100, *bindings)
  num_envs = added.shape[1]
  assert added.shape == (100, num_envs, 9)
  np.testing.assert_array_equal(learned, added)
  assert int(pipeline.train_steps) == 100
  assert int(pipeline.statistics.env_steps) == 100 * num_envs
  # They are consecutive: y grows by v, and one begins where the last led to.
  np.testing.assert_allclose(
    added[..., 2], added[..., 0] + added[..., 1], atol=1e-6
  )
  ended = added[:-1, :, 8] == LAST
  assert ended.sum() > 3
  np.testing.assert_array_equal(
    added[1:, :, :2][~ended], added[:-1, :, 2:4][~ended]
  )
  assert np.all(added[1:, :, 0][ended] == 0)  # new episodes begin at y = 0
  assert np.all(added[1:, :, 7][ended] == FIRST)
  # The first update: 0 + 0.5 * 1 * max q of the target, a copy as yet.
  errors_ = [
    0.5 * q_values(weights, row[2:4]).max()
    - q_values(weights, row[:2])[int(row[4])]
    for row in added[0]
  ]
  assert first_loss == pytest.approx(np.mean(np.square(errors_)), rel=1e-3)
