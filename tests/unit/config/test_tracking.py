"""Which services a configuration chooses, and back to text."""

import pytest

from agents_pipeline import errors
from agents_pipeline.config import gin_files, tracking

BOTH = "TrackingConfig.sinks = (@Mlflow(), @WandB())"


def test_services_are_chosen_with_their_settings(make_experiment):
  experiment = make_experiment(
    BOTH,
    "Mlflow.tracking_uri = 'http://127.0.0.1:5000'",
    "Mlflow.tags = {'team': 'control'}",
    "WandB.mode = 'offline'",
    "WandB.tags = ('baseline',)",
  )
  assert experiment.tracking.sinks == (
    tracking.Mlflow(
      "agents_pipeline", "http://127.0.0.1:5000", {"team": "control"}
    ),
    tracking.WandB(mode="offline", tags=("baseline",)),
  )
  text = gin_files.to_text(experiment)
  assert BOTH in text.replace("),)", "))")
  again = gin_files.load_experiment([], text.splitlines())
  assert again == experiment


def test_without_a_choice_nothing_is_tracked(make_experiment):
  experiment = make_experiment()
  assert experiment.tracking.sinks == ()
  assert "Mlflow" not in gin_files.to_text(experiment)


@pytest.mark.parametrize(
  "value", ["@Mlflow()", "(@Mlflow(), @Mlflow())", "('mlflow',)", "None"]
)
def test_other_choices_are_refused(make_experiment, value):
  with pytest.raises(errors.UserError) as caught:
    make_experiment(f"TrackingConfig.sinks = {value}")
  assert str(caught.value).endswith(
    ": expected a tuple of @Mlflow() and @WandB(), each at most once: "
    "(@Mlflow(),)"
  )


def test_settings_of_a_service_that_is_not_chosen_are_refused(make_experiment):
  with pytest.raises(errors.UserError) as caught:
    make_experiment(
      "TrackingConfig.sinks = (@Mlflow(),)", "WandB.mode = 'offline'"
    )
  assert str(caught.value) == (
    "WandB.mode is read by nothing: TrackingConfig.sinks is (@Mlflow(),)"
  )


@pytest.mark.parametrize(
  ("binding", "expected"),
  [
    ("WandB.project = ''", "a string that is not empty"),
    (
      "WandB.tags = 'draft'",
      "a tuple of strings such as ('baseline', 'draft')",
    ),
    ("WandB.tags = ('',)", "a tuple of strings such as ('baseline', 'draft')"),
    ("Mlflow.tags = {'a': 1}", "strings by name such as {'team': 'control'}"),
  ],
)
def test_a_setting_that_does_not_fit_is_one_line(
  make_experiment, binding, expected
):
  with pytest.raises(errors.UserError) as caught:
    make_experiment(BOTH, binding)
  assert str(caught.value) == f"{binding}: expected {expected}"
