"""What --vary says, and what is made of it."""

import pytest
from optuna import distributions

from agents_pipeline import errors
from agents_pipeline.sweeps import parameters


def test_a_grid_has_every_combination_the_last_field_fastest():
  varied = parameters.parse(
    ["Adam.learning_rate = [1e-4, 1e-3]", "DqnConfig.hidden_layers=[(8,), ()]"]
  )
  assert all(parameter.is_grid for parameter in varied)
  name, layers = "Adam.learning_rate", "DqnConfig.hidden_layers"
  assert parameters.num_combinations(varied) == 4
  assert parameters.grid(varied) == [
    {name: "0.0001", layers: "(8,)"},
    {name: "0.0001", layers: "()"},
    {name: "0.001", layers: "(8,)"},
    {name: "0.001", layers: "()"},
  ]


def test_texts_and_classes_are_written_as_gin_has_them():
  (activation, optimizer) = parameters.parse(
    [
      "DqnConfig.activation = ['relu', 'tanh']",
      "DqnConfig.optimizer = [@Adam(), '@RmsProp()']",
    ]
  )
  assert activation.distribution.choices == ("'relu'", "'tanh'")
  assert optimizer.distribution.choices == ("@Adam()", "@RmsProp()")


@pytest.mark.parametrize(
  ("text", "distribution"),
  [
    ("uniform(0.1, 0.9)", distributions.FloatDistribution(0.1, 0.9)),
    (
      "loguniform(1e-5, 1e-2)",
      distributions.FloatDistribution(1e-5, 1e-2, log=True),
    ),
    ("int(1, 8)", distributions.IntDistribution(1, 8)),
    (
      "choice(True, None)",
      distributions.CategoricalDistribution(["True", "None"]),
    ),
  ],
)
def test_distributions_are_optunas(text, distribution):
  (parameter,) = parameters.parse([f"A2cConfig.gamma = {text}"])
  assert parameter.distribution == distribution
  assert not parameter.is_grid


def test_every_bound_and_every_choice_is_checked():
  varied = parameters.parse(
    ["A.rate = uniform(0, 0.5)", "A.steps = int(1, 8)", "A.kind = [1, 2, 3]"]
  )
  assert parameters.corners(varied) == [
    {"A.rate": "0.0", "A.steps": "1", "A.kind": "1"},
    {"A.rate": "0.5", "A.steps": "8", "A.kind": "2"},
    {"A.rate": "0.5", "A.steps": "8", "A.kind": "3"},
  ]


@pytest.mark.parametrize(
  "text",
  [
    "",
    "gamma = [1]",
    "DqnConfig.gamma",
    "DqnConfig.gamma = 0.9",
    "DqnConfig.gamma = []",
    "DqnConfig.gamma = [0.9, 0.9]",
    "DqnConfig.gamma = (0.9, 0.8)",
    "DqnConfig.gamma = normal(0, 1)",
    "DqnConfig.gamma = uniform(1, 0)",
    "DqnConfig.gamma = uniform(0.1)",
    "DqnConfig.gamma = uniform(low=0, high=1)",
    "DqnConfig.gamma = loguniform(0, 1)",
    "DqnConfig.n_step = int(1, 2.5)",
    "DqnConfig.gamma = __import__('os').getcwd()",
  ],
)
def test_what_cannot_be_read_is_refused_in_one_line(text):
  with pytest.raises(errors.UserError) as caught:
    parameters.parse([text])
  assert str(caught.value).startswith(f"--vary={text!r}: expected 'Class.field")
  assert "\n" not in str(caught.value)


def test_a_field_is_varied_once():
  with pytest.raises(errors.UserError, match="A.b is varied already"):
    parameters.parse(["A.b = [1]", "A.b = int(1, 2)"])
