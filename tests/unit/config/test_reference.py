"""Every field is described, in the terminal and in docs/configuration.md."""

import pathlib

import pytest

from agents_pipeline import errors
from agents_pipeline.config import fields, reference

PAGE = pathlib.Path(__file__).parents[3] / "docs/configuration.md"


def test_every_class_and_field_is_described():
  listed = reference.classes()
  assert {cls.__name__ for cls in listed} == set(fields.CLASSES)
  for cls in listed:
    assert reference.summary(cls), cls
    for field in reference.fields_of(cls):  # raises for one without a text
      assert field.meaning and field.expected, (cls, field.name)


def test_a_field_has_its_default_bounds_and_meaning():
  described = {
    field.name: field
    for field in reference.fields_of(fields.CLASSES["TrainingConfig"])
  }
  assert described["num_env_steps"].default == "required"
  period = described["log_period_env_steps"]
  assert period.default == "1_000"
  assert period.expected == "a whole number of at least 1"
  assert period.meaning == "Env steps between two rows of metrics."
  assert described["stop"].default == "@AtTheEnd()"
  assert described["stop"].expected.startswith("one of @AtTheEnd(), ")


def test_what_a_base_class_describes_holds_for_its_choices():
  adam = {f.name: f for f in reference.fields_of(fields.CLASSES["Adam"])}
  assert (
    adam["learning_rate"].meaning == "The learning rate of each train step."
  )
  assert adam["epsilon"].meaning.startswith("Epsilon-hat of the paper")


def test_a_terminal_of_80_columns_shows_it():
  text = reference.as_text()
  assert max(map(len, text.splitlines())) <= 80
  (one,) = [
    part
    for part in reference.as_text("DqnConfig").split("\n\n")
    if "batch_size" in part
  ]
  lines = [line.strip() for line in one.splitlines()]
  assert lines[0] == "DqnConfig.batch_size = 64"
  assert lines[1] == "a whole number in [1, 1000000]"


def test_a_name_that_is_none():
  with pytest.raises(errors.UserError, match="did you mean 'DqnConfig'"):
    reference.as_text("DqnConfg")


def test_the_page_has_the_names_of_other_libraries():
  line = (
    "* `n_envs`, `num_environments`, `num_env`: `num_envs` of EnvironmentConfig"
  )
  assert line in reference.as_markdown().splitlines()


def test_the_page_is_as_the_docstrings_are():
  assert PAGE.read_text("utf-8") == reference.as_markdown(), "make reference"
