"""This project's iterations, as the benchmarks time them."""

import time

_CARTPOLE = [
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 1_000_000",
]
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
_ATARI = [
  "ReplayConfig.capacity_env_steps = 20_000",
  "TrainingConfig.log_period_env_steps = 1_000_000",
]
ATARI_GIN_FILE = "configs/dqn_atari.gin"
_MINATAR_GIN_FILE = "configs/dqn_minatar_breakout.gin"


def _build(bindings: list[str], device: str, gin_file: str | None = None):
  """Builds an experiment; returns its pipeline and number of environments.

  The device is 'cpu', or 'gpu' where every side of the process is on it.
  """
  from agents_pipeline.agents import building
  from agents_pipeline.config import gin_files, seeding
  from agents_pipeline.training import device as device_lib

  device_lib.choose(device)
  experiment = gin_files.load_experiment(
    [gin_file] if gin_file else [], bindings
  )
  pipeline = building.build(experiment, seeding.Seeds(0))
  return pipeline, experiment.environment.num_envs


class _CartPoleLoop:
  """Iterations on CartPole-v1, each of env_steps and train_steps."""

  def __init__(
    self,
    backend: str,
    bindings: list[str],
    num_envs: int,
    device: str,
    env_steps: int,
    train_steps: int = 1,
    iterations_per_call: int | None = None,
  ):
    self._env_steps, self._train_steps = env_steps, train_steps
    self._per_call = iterations_per_call
    environment = [
      f"EnvironmentConfig.backend = '{backend}'",
      f"EnvironmentConfig.num_envs = {num_envs}",
    ]
    self._pipeline, _ = _build([*_CARTPOLE, *environment, *bindings], device)

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second, over all environments.

    A vector environment spends some of them on resetting; these do not count.
    """
    import tensorflow as tf

    count = num_env_steps // self._env_steps
    per_call = self._per_call or count
    statistics = self._pipeline.statistics
    before, train_steps = int(statistics.env_steps), 0
    start = time.perf_counter()
    for _ in range(count // per_call):
      totals = self._pipeline.compiled.train(tf.constant(per_call))
      train_steps += int(totals.num_train_steps)  # waits for the result
    seconds = time.perf_counter() - start
    env_steps = int(statistics.env_steps) - before
    assert train_steps == count * self._train_steps
    assert 0.8 * num_env_steps < env_steps <= num_env_steps
    return env_steps / seconds


class DqnLoop(_CartPoleLoop):
  """Each environment takes a step, then train steps of batches of 64."""

  def __init__(
    self,
    backend: str,
    *bindings: str,
    num_envs: int = 1,
    num_train_steps: int | None = None,
    iterations_per_call: int | None = None,
    device: str = "cpu",
  ):
    """Builds the loop, collects and compiles.

    Args:
      backend: the backend, 'tensor' or 'gymnasium'.
      *bindings: further gin bindings.
      num_envs: the number of environments.
      num_train_steps: the train steps per iteration; None for as many as there
        are environments.
      iterations_per_call: the iterations of a compiled call; None for all of a
        run.
      device: the device, 'cpu' or 'gpu'.
    """
    import tensorflow as tf

    count = num_train_steps or num_envs
    iteration = f"DqnConfig.num_train_steps_per_iteration = {count}"
    settings = [*_DQN, iteration, *bindings]
    super().__init__(
      backend, settings, num_envs, device, num_envs, count, iterations_per_call
    )
    self._pipeline.compiled.collect(tf.constant(1_000))
    self.run((iterations_per_call or 10) * num_envs)


class A2cLoop(_CartPoleLoop):
  """1 train step per 5 steps of each environment."""

  def __init__(
    self, backend: str, *bindings: str, num_envs: int = 16, device: str = "cpu"
  ):
    """Builds the loop and compiles; the arguments are those of `DqnLoop`."""
    batch = num_envs * _NUM_ROLLOUT_STEPS
    super().__init__(backend, [*_A2C, *bindings], num_envs, device, batch)
    self.run(10 * batch)


class AtariLoop:
  """configs/dqn_atari.gin: 8 environments, frame skip 4, 84x84, 4 frames.

  Collecting acts, takes statistics, clips rewards and stores: at random, as a
  run begins, or by the policy's network. Training adds 2 train steps per 8 env
  steps.
  """

  def __init__(self, call: str, *bindings: str, device: str = "cpu"):
    """Builds the loop, collects, compiles; `call` is 'collect' or 'train'."""
    import tensorflow as tf

    pipeline, self._num_envs = _build(
      [*_ATARI, *bindings], device, ATARI_GIN_FILE
    )
    pipeline.compiled.collect(tf.constant(100))
    self._call = getattr(pipeline.compiled, call)
    self.run(self._num_envs)

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second, over all environments.

    Env steps that are spent on resetting count too, as in the bare environment.
    """
    import tensorflow as tf

    count = tf.constant(num_env_steps // self._num_envs)
    start = time.perf_counter()
    self._call(count)
    return num_env_steps / (time.perf_counter() - start)


class MinatarLoop:
  """configs/dqn_minatar_breakout.gin with the three actions of `-v1`."""

  def __init__(self, *bindings: str, device: str = "cpu"):
    """Builds the loop, collects and compiles."""
    import tensorflow as tf

    game = "EnvironmentConfig.name = 'MinAtar/Breakout-v1'"
    pipeline, _ = _build([game, *bindings], device, _MINATAR_GIN_FILE)
    pipeline.compiled.collect(tf.constant(1_000))
    self._train = pipeline.compiled.train
    self.run(10)

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second, each with a train step."""
    import tensorflow as tf

    start = time.perf_counter()
    totals = self._train(tf.constant(num_env_steps))
    assert int(totals.num_train_steps) == num_env_steps  # waits for the result
    return num_env_steps / (time.perf_counter() - start)
