"""The DQN pipeline: that of Q-learning, around its agent."""

import functools

from agents_pipeline.agents.dqn import agent
from agents_pipeline.agents.q_learning import pipeline

build = functools.partial(pipeline.build, agent_class=agent.DqnAgent)
make_network = pipeline.make_network
outputs = pipeline.outputs
