"""This project's DQN iteration, as the benchmarks time it."""

import time

_BINDINGS = [
  "Experiment.agent = @DqnConfig()",
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 1_000_000",
  "DqnConfig.hidden_layers = (100,)",
  "DqnConfig.loss = 'squared'",
  "DqnConfig.epsilon = @ConstantEpsilon()",
  "DqnConfig.target_update_period_train_steps = 100",
  "DqnConfig.batch_size = 64",
  "ReplayConfig.capacity_env_steps = 100_000",
]


class OurLoop:
  """1 env step and 1 train step of a batch of 64 per iteration."""

  def __init__(self, backend: str, *bindings: str):
    """Builds it, collects 1,000 env steps and compiles.

    Args:
      backend: 'tensor' or 'gymnasium'.
      *bindings: of gin, in addition.
    """
    import tensorflow as tf

    from agents_pipeline.experiment import gin_files, seeding
    from agents_pipeline.pipelines import building

    experiment = gin_files.load_experiment(
      [],
      [*_BINDINGS, f"EnvironmentConfig.backend = '{backend}'", *bindings],
    )
    self._pipeline = building.build(experiment, seeding.Seeds(0))
    self._count = tf.constant
    self._pipeline.compiled.collect(tf.constant(1_000))
    self.run(10)

  def run(self, num_iterations: int) -> float:
    """Returns iterations per second; each is 1 env step and 1 train step."""
    before = int(self._pipeline.statistics.env_steps)
    start = time.perf_counter()
    totals = self._pipeline.compiled.train(self._count(num_iterations))
    done = int(totals.num_train_steps)
    seconds = time.perf_counter() - start
    assert done == num_iterations
    assert int(self._pipeline.statistics.env_steps) - before == done
    return done / seconds
