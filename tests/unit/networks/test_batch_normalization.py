"""Batch normalization: whose statistics are used when, and what keeps them."""

import gymnasium as gym
import numpy as np
import pytest
import replay_rows
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from agents_pipeline.agents import building
from agents_pipeline.agents.dqn import agent as dqn_agent
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.dqn import network as dqn_network
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.evaluation import best_policy, served_policy
from agents_pipeline.files import run_folder
from agents_pipeline.replay import storage
from agents_pipeline.runs import checkpoints, console, export, run_record
from agents_pipeline.runs import run as run_lib

TIME_STEP_SPEC = ts.time_step_spec(tensor_spec.TensorSpec((1,), tf.float32))
ACTION_SPEC = tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1)
# Of the variables: the layer's scale and shift, and its running statistics.
SCALE, SHIFT, MEAN, VARIANCE = 1, 2, 5, 6


def weights(factor=1.0, head=((1.0,), (3.0,)), bias=(0.0, 0.0)):
  """Of one hidden unit, which the running statistics make max(factor * x, 0).

  2 * factor * (x - 1) / sqrt(3.999 + 0.001) + factor = factor * x.
  """
  return [
    [[1.0]], [2.0 * factor], [factor], head, bias, [1.0], [3.999]
  ]  # fmt: skip


def assign(network, values):
  for variable, value in zip(network.variables, values, strict=True):
    variable.assign(value)


def make_agent(**fields):
  """q = (x, 3 x), and ten times that of the target network."""
  fields = {"gamma": 0.5, "loss": "squared"} | fields
  agent = dqn_agent.make_dqn_agent(
    dqn_config.DqnConfig(
      hidden_layers=(1,), batch_normalization=True, **fields
    ),
    TIME_STEP_SPEC,
    ACTION_SPEC,
    seed=0,
  )
  assign(agent.network, weights())
  assign(agent.target_network, weights(10.0))
  return agent


# Action 0 from x = 1 to 2, and action 1 from x = 5 to 4; reward 7.
EXPERIENCE = replay_rows.transitions(
  storage.Row(
    tf.ones((2, 2), tf.int32), tf.constant([[[1.0], [2.0]], [[5.0], [4.0]]]),
    tf.constant([[0, 0], [1, 0]], tf.int64), tf.ones((2, 2), tf.int32),
    tf.constant([[7.0, 0.0], [7.0, 0.0]]), tf.ones((2, 2)),
  )
)  # fmt: skip


def numbers(network):
  return [v.numpy() for v in network.variables]


def make_network(hidden_layers=(1,), batch_normalization=True, **fields):
  config = dqn_config.DqnConfig(
    hidden_layers=hidden_layers,
    batch_normalization=batch_normalization,
    **fields,
  )
  network = dqn_network.QNetwork(
    tensor_spec.BoundedTensorSpec((1,), tf.float32, 0, 1), 2, config
  )
  network.create_variables()
  return network


@pytest.mark.parametrize("initial_weights", ["he_normal", "uniform"])
def test_hidden_layers_have_no_bias_and_heads_have_one(initial_weights):
  network = make_network((5, 4), dueling=True, initial_weights=initial_weights)
  named = sorted(
    (v.name.split("/")[-1].removesuffix(":0"), tuple(v.shape))
    for v in network.variables
  )
  assert named == [
    ("beta", (4,)), ("beta", (5,)),
    ("bias", (1,)), ("bias", (2,)),  # of the value and the advantages
    ("gamma", (4,)), ("gamma", (5,)),
    ("kernel", (1, 4)), ("kernel", (2, 4)), ("kernel", (4, 5)),
    ("kernel", (5, 1)),
    ("moving_mean", (4,)), ("moving_mean", (5,)),
    ("moving_variance", (4,)), ("moving_variance", (5,)),
  ]  # fmt: skip
  # Running statistics are not trained, and making them has not moved them.
  assert len(network.trainable_variables) == 10
  for name, value in zip(
    [v.name for v in network.variables], numbers(network), strict=True
  ):
    if "moving" in name:
      assert np.all(value == (1.0 if "variance" in name else 0.0))


def test_without_it_there_is_none():
  plain = make_network((5,), batch_normalization=False)
  assert len(plain.variables) == len(plain.trainable_variables) == 4


def test_by_the_batch_when_training_and_by_running_statistics_else(compiled):
  network = make_network()
  assign(network, weights())
  x = tf.constant([[1.0], [5.0]])  # mean 3, variance 4
  acting = compiled(lambda: network(x)[0])
  np.testing.assert_allclose(acting(), [[1, 3], [5, 15]], rtol=1e-6)
  assert numbers(network)[MEAN] == 1.0  # acting leaves them
  learning = compiled(lambda: network(x, training=True)[0])
  # 2 * (5 - 3) / sqrt(4 + 0.001) + 1 = 2.99975; below 0 for x = 1.
  np.testing.assert_allclose(
    learning(), [[0, 0], [2.99975, 8.99925]], rtol=1e-5
  )
  # 0.99 * 1 + 0.01 * 3, and 0.99 * 3.999 + 0.01 * 4.
  assert numbers(network)[MEAN] == pytest.approx(1.02)
  assert numbers(network)[VARIANCE] == pytest.approx(3.99901)
  # 2 * (x - 1.02) / sqrt(3.99901 + 0.001) + 1.
  np.testing.assert_allclose(acting()[:, 0], [0.98, 4.979995], rtol=1e-6)


def test_a_train_step_by_hand(compiled):
  agent = make_agent(target_update_period_train_steps=100)
  # Not trained on: by running statistics, q = 1 and 3 * 5. The targets are
  # 7 + 0.5 * 30 * 2 and 7 + 0.5 * 30 * 4.
  info = agent.loss(EXPERIENCE)
  np.testing.assert_allclose(info.extra.td_error, [37 - 1, 67 - 15], rtol=1e-5)
  assert numbers(agent.network)[MEAN] == 1.0
  # By the batch, q = 0 and 8.99925; the target network's is as before.
  learned = compiled(lambda: agent.train(EXPERIENCE))()
  np.testing.assert_allclose(
    learned.extra.td_error, [37, 67 - 8.99925], rtol=1e-5
  )
  assert numbers(agent.network)[MEAN] == pytest.approx(1.02)
  assert numbers(agent.network)[VARIANCE] == pytest.approx(3.99901)
  assert numbers(agent.network)[SCALE] != 2.0
  assert numbers(agent.network)[SHIFT] != 1.0
  np.testing.assert_array_equal(
    np.concatenate([x.ravel() for x in numbers(agent.target_network)]),
    np.array([1, 20, 10, 1, 3, 0, 0, 1, 3.999], np.float32),
  )


def test_xla_equals_eager(all_ways):
  found = []
  for way in (all_ways["eager"], all_ways["xla"]):
    agent = dqn_agent.make_dqn_agent(
      dqn_config.DqnConfig(
        hidden_layers=(6, 4),
        batch_normalization=True,
        target_update_period_train_steps=2,
      ),
      TIME_STEP_SPEC,
      ACTION_SPEC,
      seed=3,
    )
    train = way(agent.train)
    rng = np.random.default_rng(0)
    for _ in range(5):
      x = tf.constant(rng.normal(size=(2, 2, 1)), tf.float32)
      own, _, reached = EXPERIENCE
      own, reached = (
        step._replace(observation=x[:, i])
        for i, step in enumerate((own, reached))
      )
      train(EXPERIENCE._replace(time_step=own, next_time_step=reached))
    found.append(numbers(agent.network) + numbers(agent.target_network))
  for eager, xla in zip(*found, strict=True):
    np.testing.assert_allclose(eager, xla, rtol=1e-3, atol=1e-4)


# q = (x, 2): action 0 from 2 on, as running statistics see it.
ACTS = dict(head=((1.0,), (0.0,)), bias=(0.0, 2.0))
X = np.array([[1.0], [3.0], [100.0]], np.float32)
ACTIONS = [1, 0, 0]


def test_an_action_does_not_depend_on_the_rest_of_the_batch(tmp_path):
  """By the batch, all of these alone, and 3 beside 100, would be action 1."""
  agent = make_agent()
  network = agent.network
  assign(network, weights(**ACTS))
  served = served_policy.ServedPolicy(
    network, dqn_agent.served_outputs, gym.spaces.Box(-200, 200, (1,)),
    gym.spaces.Discrete(2),
  )  # fmt: skip
  served.save(tmp_path / "policy", {})
  greedy = dqn_agent.make_greedy_policy(TIME_STEP_SPEC, ACTION_SPEC, network)
  by = lambda policy: (
    lambda x: policy.action(ts.restart(tf.constant(x), len(x))).action.numpy()
  )
  for act in (
    by(agent.policy),
    by(greedy),
    served.act,
    served_policy.LoadedPolicy(tmp_path / "policy").act,
  ):
    assert act(X).tolist() == ACTIONS
    assert [int(act(x[None])[0]) for x in X] == ACTIONS
  assert numbers(network)[MEAN] == 1.0
  assert numbers(network)[VARIANCE] == pytest.approx(3.999)


def test_the_best_policy_keeps_running_statistics():
  agent = make_agent()
  best = best_policy.BestPolicy(agent.network)
  assert best.offer(agent.network, 1.0, 10)
  for _ in range(3):
    agent.train(EXPERIENCE)
  for kept, value in zip(numbers(best.network), weights(), strict=True):
    np.testing.assert_allclose(kept, value)
  assert not best.offer(agent.network, 0.0, 20)
  np.testing.assert_allclose(best.network(tf.constant(X))[0], X * [[1, 3]])
  assert best.offer(agent.network, 2.0, 30)
  np.testing.assert_array_equal(
    best.network(tf.constant(X))[0], agent.network(tf.constant(X))[0]
  )


def test_exports_of_a_checkpoint_have_running_statistics(
  make_experiment, tmp_path
):
  experiment = make_experiment("DqnConfig.batch_normalization = True")
  seeds = seeding.Seeds(0)
  pipeline = building.build(experiment, seeds)
  x = np.random.default_rng(0).normal(2, 3, (50, 4)).astype(np.float32)
  for _ in range(20):
    pipeline.network(tf.constant(x), training=True)
  expected = pipeline.network(tf.constant(x))[0].numpy()
  pipeline.best.offer(pipeline.network, 1.0, 50)
  for _ in range(20):  # the newest is another than the best
    pipeline.network(tf.constant(x), training=True)
  newest = pipeline.network(tf.constant(x))[0].numpy()
  assert np.abs(newest - expected).max() > 1e-3
  run = run_folder.RunFolder(tmp_path / "run")
  run_record.write_text(run.config, gin_files.to_text(experiment))
  run_record.write_json(run.run_record, {"seed": 0})
  saved = checkpoints.Checkpoints(run.checkpoints, pipeline.tracked)
  saved.save(checkpoints.About(0, gin_files.to_text(experiment), {}))
  for checkpoint, q_values in ((None, expected), ("env_steps-0", newest)):
    export.export_from_checkpoint(run, checkpoint, tmp_path / "policy", print)
    loaded = served_policy.load_signature(tmp_path / "policy")
    found = loaded(observation=tf.constant(x))["q_values"]
    np.testing.assert_allclose(found, q_values, rtol=1e-4, atol=1e-6)
  export.export_best(
    run_lib.Run(experiment, run, pipeline, seeds, saved, console.Console(print))
  )
  served = served_policy.load_signature(run.policy)(observation=tf.constant(x))
  np.testing.assert_allclose(served["q_values"], expected, rtol=1e-4, atol=1e-6)
  # TF-Agents' own format as well.
  theirs = tf.saved_model.load(str(run.tf_agents_policy))
  step = ts.restart(tf.constant(x), 50)
  np.testing.assert_array_equal(
    theirs.action(step).action, np.argmax(expected, axis=1)
  )
