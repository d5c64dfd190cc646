"""Steps that are compiled once and shared by the tests of a module."""

import functools

import pytest
import tensorflow as tf

from agents_pipeline.environments.backends import tensor
from agents_pipeline.ops import random_stream


@pytest.fixture(scope="module")
def start(all_ways):
  """Resets an environment whose `step_and_reset` is compiled at most once.

  Compiling takes far longer than stepping. Every call rewinds the random
  numbers, so that a test does not depend on those that ran before it.

  Returns:
    (gymnasium id, batch size B, way to run it) -> the environment, just reset,
    and its step: actions [B, ...] -> (next time step, time step to act from).
  """

  @functools.cache
  def compiled(name, batch_size, way):
    rng = random_stream.RandomStream(seed=0)
    environment = tensor.ENVIRONMENTS[name](batch_size=batch_size, rng=rng)
    step = all_ways[way](lambda action: environment.step_and_reset(action))
    return environment, step, rng

  def restart(name, batch_size, way="xla"):
    environment, step, rng = compiled(name, batch_size, way)
    (position,) = rng.variables
    position.assign(tf.zeros_like(position))
    environment.reset()
    return environment, step

  return restart
