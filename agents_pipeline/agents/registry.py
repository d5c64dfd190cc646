"""Registry of agents: configuration class -> module of its pipeline.

Importing it makes their classes known to gin files, without TensorFlow. A new
agent is a folder beside `dqn/` and a line here.
"""

import importlib
from typing import Any

from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.config import schema

# Modules with `build`, `make_network` and `outputs`, as `agents/dqn/pipeline`.
_PIPELINES: dict[type[schema.AgentConfig], str] = {
  dqn_config.DqnConfig: "agents_pipeline.agents.dqn.pipeline",
  a2c_config.A2cConfig: "agents_pipeline.agents.a2c.pipeline",
}


def pipeline_of(agent: schema.AgentConfig) -> Any:
  """The module that builds the pipeline of an agent; imports TensorFlow."""
  return importlib.import_module(_PIPELINES[type(agent)])
