"""How much an iteration collects and learns, and from what."""

import types

import pytest
import tensorflow as tf

from agents_pipeline import interfaces
from agents_pipeline.training import iterations, replay_iteration


@pytest.mark.parametrize(
  ("sizes", "expected"),
  [
    ((1, 1, None, 99), 1),
    ((4, 1, None, 99), 4),
    ((1, 1, 1, 99), 2),
    ((1, 1, 3, 99), 6),
    ((1, 1, 9, 10), 4),  # cut off at 10 env steps; there are 12 after 4
    ((1, 1, 9, 0), 1),
  ],
)
def test_steps_of_an_iteration(sizes, expected):
  """Of three environments; every second step ends the episode of one."""
  steps = tf.Variable(0)

  def step(state):
    steps.assign_add(1)
    return state + 1

  class Statistics:
    num_episodes = property(lambda self: steps // 2)
    env_steps = property(lambda self: 3 * steps)

  iteration_sizes = replay_iteration.IterationSizes(*sizes)
  found = iteration_sizes.collect(step, step, tf.constant(0), Statistics())
  assert int(found) == int(steps) == expected


def learn(train_steps, diverges_at=99, batches=()):
  """The totals, and what was done: (what, with what number)."""
  done, samples = [], iter(range(9))

  def sample():
    number = next(samples)
    return interfaces.Sample((tf.constant(number),), handle=f"of {number}")

  def train(transitions, weights):
    assert weights is None
    done.append(("train", int(transitions[0])))
    loss = float("nan") if len(done) == diverges_at else 2.0
    extra = types.SimpleNamespace(td_error=2 * transitions[0])
    return types.SimpleNamespace(loss=tf.constant(loss), extra=extra)

  iteration = replay_iteration.ReplayIteration(
    driver=None,
    replay=types.SimpleNamespace(
      sample=sample, update_priorities=lambda *x: done.append(x)
    ),
    agent=types.SimpleNamespace(
      train=train, measures={"loss": lambda x: x.loss}, measure_bounds={}
    ),
    update_target=lambda: done.append("target"),
    sizes=replay_iteration.IterationSizes(1, train_steps, None, 99),
    statistics=None,
  )
  return iteration.learn(iterations.no_train_steps(1), batches), done


def test_every_train_step_learns_from_a_sample_of_its_own():
  totals, done = learn(2)
  assert (int(totals.num_train_steps), float(totals.sums[0])) == (2, 4.0)
  assert done == [
    ("train", 0), ("of 0", 0), "target",
    ("train", 1), ("of 1", 2), "target",
  ]  # fmt: skip


def test_nothing_is_learned_after_it_has_diverged():
  totals, _ = learn(5, diverges_at=1)
  assert (int(totals.num_train_steps), bool(totals.diverged)) == (1, True)


def test_samples_that_were_made_ahead_are_taken_in_order():
  ahead = interfaces.Sample((tf.constant([7, 8]),), None, tf.constant([1, 2]))
  _, done = learn(2, batches=ahead)
  assert done == [
    ("train", 7), (1, 14), "target", ("train", 8), (2, 16), "target",
  ]  # fmt: skip
