"""Functions that a gin file names, without importing their modules."""

import dataclasses
import sys
import types

import gin
import pytest

from agents_pipeline import errors
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.config import gin_files

NAME = "DqnConfig.network = 'nowhere.nets:make_network'"


def make_network(observation_spec, action_spec):
  """Never called here."""


@pytest.mark.parametrize(
  "bindings",
  [
    ["DqnConfig.network = @nowhere.nets.make_network"],
    ["mine = @nowhere.nets.make_network", "DqnConfig.network = %mine"],
    [NAME],
  ],
)
def test_the_name_is_what_is_kept(make_experiment, bindings):
  experiment = make_experiment(*bindings)
  assert experiment.agent.network == "nowhere.nets:make_network"
  assert "nowhere.nets" not in sys.modules
  text = gin_files.to_text(experiment)
  assert NAME in text.splitlines()
  assert gin_files.load_experiment([], [text]) == experiment


def test_a_function_becomes_its_name():
  config = dqn_config.DqnConfig(network=make_network)
  assert config.network == f"{__name__}:make_network"
  assert dataclasses.replace(config) == config


def test_one_that_is_registered_with_gin_as_well(make_experiment, monkeypatch):
  module = types.ModuleType("registers")
  exec(
    "import gin\n@gin.configurable\ndef make_network(o, a): pass",
    module.__dict__,
  )
  monkeypatch.setitem(sys.modules, "registers", module)
  experiment = make_experiment("DqnConfig.network = @registers.make_network")
  assert experiment.agent.network == "registers:make_network"
  assert gin.get_configurable("registers.make_network")


@pytest.mark.parametrize(
  ("bindings", "expected"),
  [
    (
      ["DqnConfig.network = @nowhere.nets.make_network()"],
      "@nowhere.nets.make_network() would be called while gin files are read; "
      "expected @nowhere.nets.make_network",
    ),
    (
      [
        "DqnConfig.network = @nowhere.nets.make_network",
        "make_network.units = 3",
      ],
      "make_network.units is read by nothing: expected "
      "DqnConfig.network_arguments = {'units': ...}",
    ),
    (
      ["DqnConfig.network = @make_network_of_no_module"],
      "unknown gin name 'make_network_of_no_module': expected one of",
    ),
    (
      ["DqnConfig.network = 'nets'"],
      "DqnConfig.network = 'nets': expected a function of a module of yours "
      "such as @my_module.make_network, which is 'my_module:make_network', or "
      "None",
    ),
    (
      ["DqnConfig.network_arguments = {'units': 3}"],
      "DqnConfig.network_arguments = {'units': 3}: expected "
      "DqnConfig.network, which takes them",
    ),
  ],
)
def test_what_is_no_function_is_one_line(make_experiment, bindings, expected):
  with pytest.raises(errors.UserError) as caught:
    make_experiment(*bindings)
  assert str(caught.value).startswith(expected)


def test_layers_that_nothing_reads_are_told(make_experiment):
  found = make_experiment(NAME, "DqnConfig.dueling = True").warnings
  beside = "DqnConfig.network is 'nowhere.nets:make_network': DqnConfig."
  # The experiment of these tests has hidden layers of its own.
  assert found == [
    f"{beside}{field} is read by nothing"
    for field in ("hidden_layers", "dueling")
  ]
