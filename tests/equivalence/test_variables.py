"""No variable of any pipeline is int32.

TensorFlow keeps variables of int32 in host memory, whatever their device, where
a program that XLA compiled for a GPU cannot reach them.
"""

import pytest
import small_runs
import tensorflow as tf

from agents_pipeline.agents import building
from agents_pipeline.config import schema, seeding
from agents_pipeline.environments import loading
from agents_pipeline.environments.backends import tensor

A2C = "Experiment.agent = @A2cConfig()"
GYMNASIUM = "EnvironmentConfig.backend = 'gymnasium'"
NAME = "EnvironmentConfig.name = "
# Every kind of pipeline: agents, backends, buffers, spaces, normalization.
KINDS = {
  "dqn": (),
  "dqn, Python": (GYMNASIUM,),
  "dqn, prioritized replay": ("DqnConfig.replay = @PrioritizedReplay()",),
  "c51": small_runs.bindings("c51"),
  "qr_dqn": small_runs.bindings("qr_dqn"),
  "rainbow": small_runs.bindings("rainbow"),
  "dqn, newest transition": ("DqnConfig.replay = @NewestTransition()",),
  "dqn, double, dueling, batch norm, episodes": (
    "DqnConfig.double = True",
    "DqnConfig.dueling = True",
    "DqnConfig.batch_normalization = True",
    "DqnConfig.target_update_period_episodes = 2",
    "DqnConfig.num_collect_episodes_per_iteration = 1",
    "DqnConfig.optimizer = @AdamW()",
    "AdamW.amsgrad = True",
  ),
  "dqn, ahead": (GYMNASIUM, "DqnConfig.learns_while_stepping = True"),
  "dqn, images": (
    NAME + "'Catch-v0'",
    "DqnConfig.conv_layers = ((4, 3, 1),)",
    "DqnConfig.num_train_steps_per_iteration = 2",
  ),
  "dqn, boards": (NAME + "'MinAtar/Breakout-v1'",),
  "dqn, numbered observations": (NAME + "'Taxi-v4'",),
  "a2c": (A2C, "EnvironmentConfig.num_envs = 2"),
  "a2c, Python": (A2C, GYMNASIUM),
  "a2c, continuous, normalized": (
    A2C,
    NAME + "'Pendulum-v1'",
    "A2cConfig.normalize_observations = True",
    "A2cConfig.normalize_rewards = True",
    "A2cConfig.normalize_advantages = True",
    "A2cConfig.shared_torso = True",
  ),
}


def variables(pipeline):
  """What checkpoints hold and compiled functions use."""
  tracked = tf.train.Checkpoint(**pipeline.tracked)
  found = list(_trackable_variables(tracked))
  count = tf.constant(1)
  for function, arguments in (
    (pipeline.compiled.collect, (count,)),
    (pipeline.compiled.train, (count, pipeline.interval.totals)),
  ):
    if not hasattr(function, "get_concrete_function"):
      function = function.__wrapped__  # it raises what an environment raised
    found += function.get_concrete_function(*arguments).graph.variables
  return found


def _trackable_variables(root):
  view = tf.train.TrackableView(root)
  return [v for v in view.descendants() if isinstance(v, tf.Variable)]


@pytest.mark.parametrize("kind", KINDS)
def test_no_variable_is_int32(kind, make_experiment, make_a2c_experiment):
  bindings = KINDS[kind]
  make = make_a2c_experiment if A2C in bindings else make_experiment
  # Traced, not compiled.
  pipeline = building.build(make(*bindings), seeding.Seeds(0), jit=False)
  found = variables(pipeline)
  assert len(found) > 15
  assert [v.name for v in found if v.dtype == tf.int32] == []
  pipeline.close()


@pytest.mark.parametrize("name", tensor.ENVIRONMENTS)
def test_no_variable_of_a_tensor_environment_is_int32(name):
  environment = loading.make_training_environment(
    schema.EnvironmentConfig(name), None, seeding.child_seed
  )
  found = _trackable_variables(environment.tracked)
  assert len(found) == 5
  assert not any(v.dtype == tf.int32 for v in found)
