"""Functions of a user's own that make networks, found by their names."""

import pytest

from agents_pipeline import errors
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.networks import own_function


def make(observation_spec, action_spec, units=8):
  return observation_spec, action_spec, units


def load(name, **arguments):
  return own_function.load(
    dqn_config.DqnConfig(network=name, network_arguments=arguments)
  )


def test_a_function_is_found_by_its_module_and_name():
  assert load(f"{__name__}:make", units=3) is make


@pytest.mark.parametrize(
  ("name", "arguments", "expected"),
  [
    ("no_module:f", {}, "cannot import 'no_module' (ModuleNotFoundError: No "),
    (f"{__name__}:mkae", {}, f"'{__name__}' has no function 'mkae'; "),
    (
      f"{__name__}:make",
      {"width": 3},
      "it is make(observation_spec, action_spec, units=8): got an unexpected "
      "keyword argument 'width'; expected it to take (observation_spec, ",
    ),
  ],
)
def test_a_function_that_is_not_there_is_one_line(name, arguments, expected):
  with pytest.raises(errors.UserError) as caught:
    load(name, **arguments)
  assert str(caught.value).startswith(f"DqnConfig.network = '{name}': ")
  assert f": {expected}" in str(caught.value)
