"""The QR-DQN pipeline: that of Q-learning, around its agent."""

import functools

from agents_pipeline.agents.q_learning import pipeline
from agents_pipeline.agents.qr_dqn import agent

build = functools.partial(pipeline.build, agent_class=agent.QrDqnAgent)
make_network = pipeline.make_network
outputs = pipeline.outputs
