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
  "A2cConfig.optimizer = @RmsProp()",
  "RmsProp.learning_rate = 0.0007",
  "RmsProp.decay = 0.99",
  "RmsProp.epsilon = 1e-5",
]
_NUM_ROLLOUT_STEPS = 5  # the default


def _build(backend: str, num_envs: int, device: str, bindings: list[str]):
  """Builds the pipeline of an experiment on CartPole-v1.

  Args:
    backend: 'tensor' or 'gymnasium'.
    num_envs: environments.
    device: 'cpu', or 'gpu' where every side of the process is on it.
    bindings: of gin.
  """
  from agents_pipeline.agents import building
  from agents_pipeline.config import gin_files, seeding
  from agents_pipeline.training import compilation

  compilation.choose_device(device)
  experiment = gin_files.load_experiment(
    [],
    [
      "EnvironmentConfig.name = 'CartPole-v1'",
      f"EnvironmentConfig.backend = '{backend}'",
      f"EnvironmentConfig.num_envs = {num_envs}",
      "TrainingConfig.num_env_steps = 1_000_000",
      *bindings,
    ],
  )
  return building.build(experiment, seeding.Seeds(0))


def _train(pipeline, num_iterations: int) -> tuple[float, int, int]:
  """Seconds that a call takes; the env steps and train steps done in it."""
  import tensorflow as tf

  before = int(pipeline.statistics.env_steps)
  start = time.perf_counter()
  totals = pipeline.compiled.train(tf.constant(num_iterations))
  train_steps = int(totals.num_train_steps)
  seconds = time.perf_counter() - start
  return seconds, int(pipeline.statistics.env_steps) - before, train_steps


class DqnLoop:
  """1 train step of a batch of 64 per env step."""

  def __init__(
    self,
    backend: str,
    *bindings: str,
    num_envs: int = 1,
    num_train_steps: int | None = None,
    device: str = "cpu",
  ):
    """Builds it, collects and compiles.

    Args:
      backend: 'tensor' or 'gymnasium'.
      *bindings: of gin, in addition.
      num_envs: environments, each stepped once per iteration.
      num_train_steps: after that; None is as many as there are environments.
      device: 'cpu' or 'gpu'.
    """
    import tensorflow as tf

    self._num_envs = num_envs
    self._num_train_steps = num_train_steps or num_envs
    self._pipeline = _build(
      backend,
      num_envs,
      device,
      [
        *_DQN,
        f"DqnConfig.num_train_steps_per_iteration = {self._num_train_steps}",
        *bindings,
      ],
    )
    self._pipeline.compiled.collect(tf.constant(1_000))
    self.run(10 * num_envs)

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second, over all environments.

    Args:
      num_env_steps: a multiple of the number of environments. A vector
        environment spends some of them on resetting; these do not count.
    """
    count = num_env_steps // self._num_envs
    seconds, env_steps, train_steps = _train(self._pipeline, count)
    assert train_steps == count * self._num_train_steps
    assert 0.8 * num_env_steps < env_steps <= num_env_steps
    return env_steps / seconds


class A2cLoop:
  """1 train step per 5 steps of each of 16 environments."""

  def __init__(
    self,
    backend: str,
    *bindings: str,
    num_envs: int = 16,
    device: str = "cpu",
  ):
    """Builds it and compiles.

    Args:
      backend: 'tensor' or 'gymnasium'.
      *bindings: of gin, in addition.
      num_envs: environments.
      device: 'cpu' or 'gpu'.
    """
    self._batch = num_envs * _NUM_ROLLOUT_STEPS
    self._pipeline = _build(backend, num_envs, device, [*_A2C, *bindings])
    self.run(10 * self._batch)

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second, over all environments.

    Args:
      num_env_steps: a multiple of those of a train step. A vector environment
        spends some of them on resetting; these do not count.
    """
    count = num_env_steps // self._batch
    seconds, env_steps, train_steps = _train(self._pipeline, count)
    assert train_steps == count
    assert 0.8 * num_env_steps < env_steps <= num_env_steps
    return env_steps / seconds
