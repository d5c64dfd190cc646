"""Implementations offer what the Protocols declare, with the same signature.

mypy cannot say so: their bases are classes of TF-Agents, which it skips.
"""

import inspect

import pytest

from agents_pipeline import interfaces
from agents_pipeline.agents import building
from agents_pipeline.config import seeding
from agents_pipeline.environments import python_bridge
from agents_pipeline.environments.tensor import cart_pole
from agents_pipeline.replay import newest, prioritized, uniform

IMPLEMENTATIONS = [
  (interfaces.Environment, cart_pole.CartPole),
  (interfaces.Environment, python_bridge.PythonBridge),
  (interfaces.PythonEnvironment, python_bridge.PythonBridge),
  (interfaces.Replay, uniform.UniformReplayBuffer),
  (interfaces.Replay, prioritized.PrioritizedReplayBuffer),
  (interfaces.Replay, newest.NewestTransitionBuffer),
]


def members(protocol):
  """Methods and properties that a Protocol and its bases declare."""
  return {
    name: value
    for base in protocol.__mro__
    if base.__module__ == interfaces.__name__
    for name, value in vars(base).items()
    if not name.startswith("_")
    if inspect.isfunction(value) or isinstance(value, property)
  }


@pytest.mark.parametrize(
  ("protocol", "implementation"),
  IMPLEMENTATIONS,
  ids=lambda x: x.__name__,
)
def test_an_implementation_offers_what_its_protocol_declares(
  protocol, implementation
):
  declared = members(protocol)
  assert declared
  for name, member in declared.items():
    offered = inspect.getattr_static(implementation, name)
    assert isinstance(offered, property) == isinstance(member, property), name
    if isinstance(member, property):
      continue
    takes = inspect.signature(getattr(implementation, name)).parameters
    for wanted in inspect.signature(member).parameters.values():
      assert wanted.name in takes, f"{name}({wanted.name})"
      assert takes[wanted.name].kind == wanted.kind, name
    extra = set(takes) - set(inspect.signature(member).parameters)
    required = [p for p in extra if takes[p].default is inspect.Parameter.empty]
    assert not required, name


def test_agents_offer_what_their_protocol_declares(
  make_experiment, make_a2c_experiment
):
  """TF-Agents' `train` passes its keywords on to `_train`."""
  for make in (make_experiment, make_a2c_experiment):
    agent = building.build(make(), seeding.Seeds(0)).tracked["agent"]
    for name in inspect.get_annotations(interfaces.Agent):
      assert hasattr(agent, name), name
    assert agent.measures.keys() >= agent.measure_bounds.keys()
    for wanted in inspect.signature(interfaces.Agent.train).parameters:
      assert wanted in {"self"} | set(
        inspect.signature(agent.train).parameters
      ), wanted
