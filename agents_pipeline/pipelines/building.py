"""From an experiment to the pipeline of its agent."""

from collections.abc import Callable

from agents_pipeline.experiment import (
  a2c_config,
  config,
  dqn_config,
  seeding,
)
from agents_pipeline.pipelines import (
  a2c_pipeline,
  devices,
  dqn_pipeline,
  pipeline,
)

_PIPELINES = {
  dqn_config.DqnConfig: dqn_pipeline,
  a2c_config.A2cConfig: a2c_pipeline,
}


def build(
  experiment: config.Experiment,
  seeds: seeding.Seeds,
  say: Callable[[str], None] = lambda line: None,
) -> pipeline.Pipeline:
  """Wires an experiment. Nothing is restored, nothing has run.

  Args:
    experiment: what to wire.
    seeds: of everything random.
    say: is told the size of a buffer before it is allocated.

  Raises:
    UserError: the environment cannot be used, or the buffer does not fit.
  """
  if not getattr(experiment.agent, "conv_layers", ()):
    devices.use_one_thread_per_product()
  return _PIPELINES[type(experiment.agent)].build(experiment, seeds, say)


def build_policy(experiment: config.Experiment) -> pipeline.Policy:
  """Builds only what an export needs: no buffer, no training environment.

  Raises:
    UserError: the environment cannot be used.
  """
  return _PIPELINES[type(experiment.agent)].build_policy(experiment)
