"""The terms of an actor-critic's loss, by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.losses import policy_gradient

# The last of three steps only reset an environment.
MASK = tf.constant([[1.0], [1.0], [0.0]])


def test_the_policy_gradient_weighs_log_probabilities(compiled):
  log_prob = tf.constant([[-1.0], [-3.0], [-100.0]])
  advantage = tf.constant([[2.0], [-1.0], [50.0]])
  loss = compiled(policy_gradient.policy_gradient_loss)(
    log_prob, advantage, MASK
  )
  assert float(loss) == -(-2.0 + 3.0) / 2


def test_no_gradient_flows_into_the_advantage_or_the_target():
  log_prob = tf.Variable([[-1.0], [-3.0], [-100.0]])
  advantage = tf.Variable([[2.0], [-1.0], [50.0]])
  value, target = (
    tf.Variable([[1.0], [2.0], [9.0]]),
    tf.Variable(tf.ones((3, 1))),
  )
  with tf.GradientTape() as tape:
    loss = policy_gradient.policy_gradient_loss(
      log_prob, advantage, MASK
    ) + policy_gradient.value_error(value, target, MASK)
  found = tape.gradient(loss, [log_prob, advantage, value, target])
  assert found[0].numpy().tolist() == [[-1.0], [0.5], [0.0]]
  assert found[2].numpy().tolist() == [[0.0], [1.0], [0.0]]
  assert found[1] is None and found[3] is None


def test_the_value_error_is_squared_without_a_half(compiled):
  value = tf.constant([[1.0], [2.0], [0.0]])
  target = tf.constant([[4.0], [1.0], [77.0]])
  loss = compiled(policy_gradient.value_error)(value, target, MASK)
  assert float(loss) == (9.0 + 1.0) / 2


def test_entropy_is_a_mean_over_the_masked_steps(compiled):
  entropy = tf.constant([[math.log(2)], [0.0], [9.0]])
  found = compiled(policy_gradient.mean_entropy)(entropy, MASK)
  assert float(found) == pytest.approx(math.log(2) / 2)


def test_normalized_advantages_ignore_steps_outside_the_mask(compiled):
  advantage = tf.constant([[1.0], [5.0], [1000.0]])
  found = compiled(policy_gradient.normalized)(advantage, MASK)
  np.testing.assert_allclose(found[:2], [[-1.0], [1.0]], rtol=1e-6)


def test_a_rollout_of_resets_alone_gives_0(compiled):
  none = tf.zeros((3, 1))
  assert float(compiled(policy_gradient.mean_entropy)(none + 5.0, none)) == 0.0


@pytest.mark.parametrize(
  "loss",
  [policy_gradient.policy_gradient_loss, policy_gradient.value_error],
)
@pytest.mark.parametrize("wrong", [0, 1, 2])
@pytest.mark.parametrize("shape", [(2,), (5,), (5, 1)])
def test_arguments_that_would_broadcast_are_rejected(loss, wrong, shape):
  arguments = [tf.ones((5, 2))] * 3
  arguments[wrong] = tf.ones(shape)
  with pytest.raises(ValueError, match="[Ss]hape"):
    loss(*arguments)
