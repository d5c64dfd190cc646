"""The C51 pipeline: that of Q-learning, around its agent."""

import functools

from agents_pipeline.agents.c51 import agent
from agents_pipeline.agents.q_learning import pipeline

build = functools.partial(pipeline.build, agent_class=agent.C51Agent)
make_network = pipeline.make_network
outputs = pipeline.outputs
