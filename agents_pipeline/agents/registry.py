"""Registry of agents: configuration class -> module of its pipeline.

Importing it makes their classes known to gin files, without TensorFlow. A new
agent is a folder beside `dqn/` and a line here.
"""

import importlib
import typing
from typing import Any, Protocol

from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.c51 import config as c51_config
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.qr_dqn import config as qr_dqn_config
from agents_pipeline.config import schema, seeding

if typing.TYPE_CHECKING:
  from tf_agents.networks import network

  from agents_pipeline.agents import parts, pipeline, task
  from agents_pipeline.evaluation import served_policy


class PipelineModule(Protocol):
  """The module of an agent's pipeline, such as `agents/dqn/pipeline.py`."""

  def build(
    self,
    experiment: schema.Experiment,
    task: "task.Task",
    seeds: seeding.Seeds,
    report: "parts.Report",
    *,
    jit: bool = True,
    **more: Any,
  ) -> "pipeline.Pipeline":
    """Wires an experiment. Nothing is restored, nothing has run.

    Args:
      experiment: the experiment to wire, with its convolutions chosen.
      task: the task of the experiment.
      seeds: the seeds of everything random.
      report: called with a line on the size of a buffer before it is allocated,
        and one where a run cannot be resumed exactly.
      jit: False leaves everything a plain graph, for comparison.
      **more: `all_learners`, the learners of the run, if there are several.
        Only agents whose configuration `averages_gradients` get it.

    Raises:
      UserError: the environment cannot be used, or a buffer does not fit.
      RunError: the system has no more processes or open files.
    """

  def make_network(
    self, config: Any, task: "task.Task", seed: int
  ) -> "network.Network":
    """Makes the network of a policy, with initial weights."""

  def outputs(self, task: "task.Task") -> "served_policy.Outputs":
    """What the exported policy returns."""


_PIPELINES: dict[type[schema.AgentConfig], str] = {
  dqn_config.DqnConfig: "agents_pipeline.agents.dqn.pipeline",
  c51_config.C51Config: "agents_pipeline.agents.c51.pipeline",
  qr_dqn_config.QrDqnConfig: "agents_pipeline.agents.qr_dqn.pipeline",
  a2c_config.A2cConfig: "agents_pipeline.agents.a2c.pipeline",
}


def pipeline_of(agent: schema.AgentConfig) -> PipelineModule:
  """The module that builds the pipeline of an agent; imports TensorFlow."""
  module: Any = importlib.import_module(_PIPELINES[type(agent)])
  return module
