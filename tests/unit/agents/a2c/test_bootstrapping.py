"""Values of what steps led to, by hand."""

import pytest
import tensorflow as tf

from agents_pipeline.agents.a2c import bootstrapping

# Two environments, three steps. V(s) of what was acted from, and V of what the
# steps led to, which `evaluate` gives; where nothing ends they agree.
VALUE = [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]
REACHED = [[2.0, 70.0], [3.0, 30.0], [4.0, 40.0]]


def next_values(truncated, way=lambda f: f, asked=None):
  def evaluate(observation):
    if asked is not None:
      asked.append(observation.shape[0])
    return None, observation[..., 0]

  found = way(
    lambda value, reached, truncated: bootstrapping.next_values(
      evaluate, value, reached, truncated
    )
  )(tf.constant(VALUE), tf.constant(REACHED)[..., None], tf.constant(truncated))
  return found.numpy().tolist()


def test_within_episodes_it_is_the_value_of_what_is_acted_from_next(compiled):
  # What a termination led to is not looked at: its value is not used.
  found = next_values([[False, False]] * 3, compiled)
  assert found == [[2.0, 20.0], [3.0, 30.0], [4.0, 40.0]]


def test_a_truncated_step_has_the_value_of_its_own_last_observation(compiled):
  truncated = [[False, True], [False, False], [False, False]]
  found = next_values(truncated, compiled)
  assert found == [[2.0, 70.0], [3.0, 30.0], [4.0, 40.0]]


@pytest.mark.parametrize(
  ("step", "sizes"), [(None, [1]), (2, [1]), (0, [1, 3])]
)
def test_all_is_evaluated_only_for_a_truncation_before_the_last(step, sizes):
  asked = []
  next_values([[step == i, False] for i in range(3)], asked=asked)
  assert asked == sizes


def test_no_gradient_flows_into_it():
  value = tf.Variable(VALUE)
  with tf.GradientTape() as tape:
    found = bootstrapping.next_values(
      lambda x: (None, x * value[:1]),
      value.read_value(),
      tf.constant(REACHED),
      tf.zeros((3, 2), tf.bool),
    )
  assert tape.gradient(found, value) is None
