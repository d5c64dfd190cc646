"""This project's iterations, as the benchmarks time them."""

import time

_DQN = [
  "Experiment.agent = @DqnConfig()",
  "DqnConfig.hidden_layers = (100,)",
  "DqnConfig.loss = 'squared'",
  "DqnConfig.epsilon = @ConstantEpsilon()",
  "DqnConfig.target_update_period_train_steps = 100",
  "DqnConfig.batch_size = 64",
  "ReplayConfig.capacity_env_steps = 100_000",
]
_A2C = [
  "Experiment.agent = @A2cConfig()",
  "EnvironmentConfig.num_envs = 16",
  "A2cConfig.optimizer = @RmsProp()",
  "RmsProp.learning_rate = 0.0007",
  "RmsProp.decay = 0.99",
  "RmsProp.epsilon = 1e-5",
]


def _build(backend: str, *bindings: str):
  """Builds the pipeline of an experiment on CartPole-v1.

  Args:
    backend: 'tensor' or 'gymnasium'.
    *bindings: of gin.
  """
  from agents_pipeline.experiment import gin_files, seeding
  from agents_pipeline.pipelines import building

  experiment = gin_files.load_experiment(
    [],
    [
      "EnvironmentConfig.name = 'CartPole-v1'",
      f"EnvironmentConfig.backend = '{backend}'",
      "TrainingConfig.num_env_steps = 1_000_000",
      *bindings,
    ],
  )
  return building.build(experiment, seeding.Seeds(0))


def _time(pipeline, num_iterations: int) -> tuple[float, int]:
  """Seconds that a call takes, and the env steps done in it."""
  import tensorflow as tf

  before = int(pipeline.statistics.env_steps)
  start = time.perf_counter()
  totals = pipeline.compiled.train(tf.constant(num_iterations))
  done = int(totals.num_train_steps)
  seconds = time.perf_counter() - start
  assert done == num_iterations
  return seconds, int(pipeline.statistics.env_steps) - before


class DqnLoop:
  """1 env step and 1 train step of a batch of 64 per iteration."""

  def __init__(self, backend: str, *bindings: str):
    """Builds it, collects 1,000 env steps and compiles.

    Args:
      backend: 'tensor' or 'gymnasium'.
      *bindings: of gin, in addition.
    """
    import tensorflow as tf

    self._pipeline = _build(backend, *_DQN, *bindings)
    self._pipeline.compiled.collect(tf.constant(1_000))
    self.run(10)

  def run(self, num_iterations: int) -> float:
    """Returns iterations per second; each is 1 env step and 1 train step."""
    seconds, env_steps = _time(self._pipeline, num_iterations)
    assert env_steps == num_iterations
    return num_iterations / seconds


class A2cLoop:
  """1 train step per 5 steps of each of 16 environments."""

  def __init__(self, backend: str, *bindings: str):
    """Builds it and compiles.

    Args:
      backend: 'tensor' or 'gymnasium'.
      *bindings: of gin, in addition.
    """
    self._pipeline = _build(backend, *_A2C, *bindings)
    self.run(800)

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second."""
    seconds, env_steps = _time(self._pipeline, num_env_steps // (16 * 5))
    return env_steps / seconds
