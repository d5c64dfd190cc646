"""A binding that nothing reads is a mistake, unless a later choice is why."""

import pytest

from agents_pipeline import errors
from agents_pipeline.config import gin_files

ENOUGH = (
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 2_000",
)
DQN = ("Experiment.agent = @DqnConfig()", *ENOUGH)
A2C = ("Experiment.agent = @A2cConfig()", *ENOUGH)


@pytest.fixture
def load(tmp_path, monkeypatch):
  """Loads gin files, then bindings; also returns what was printed."""
  monkeypatch.chdir(tmp_path)

  def load(files, bindings=()):
    paths = [tmp_path / f"{i}.gin" for i in range(len(files))]
    for path, text in zip(paths, files, strict=True):
      path.write_text("\n".join(text) if isinstance(text, tuple) else text)
    printed = []
    experiment = gin_files.load_experiment(
      paths, bindings, report=printed.append
    )
    return experiment, printed

  return load


@pytest.mark.parametrize(
  ("bindings", "message"),
  [
    (
      (*DQN, "RmsProp.learning_rate = 5.0"),
      "RmsProp.learning_rate is read by nothing: DqnConfig.optimizer is "
      "@Adam()",
    ),
    (
      (*DQN, "DqnConfig.optimizer = @Adam()", "AdamW.amsgrad = True"),
      "AdamW.amsgrad is read by nothing: DqnConfig.optimizer is @Adam()",
    ),
    (
      (*DQN, "A2cConfig.gamma = 0.5"),
      "A2cConfig.gamma is read by nothing: Experiment.agent is @DqnConfig()",
    ),
    (
      (
        *DQN,
        "DqnConfig.replay = @NewestTransition()",
        "ReplayConfig.capacity_env_steps = 500",
      ),
      "ReplayConfig.capacity_env_steps is read by nothing: DqnConfig.replay is "
      "@NewestTransition()",
    ),
    # Neither DqnConfig.epsilon nor DqnConfig is there; the agent is.
    (
      (*A2C, "LinearEpsilon.final = 0.1"),
      "LinearEpsilon.final is read by nothing: Experiment.agent is "
      "@A2cConfig()",
    ),
    (
      (*DQN, "Adam.learning_rate = 0.01", "LinearLearningRate.initial = 0.1"),
      "LinearLearningRate.initial is read by nothing: Adam.learning_rate is "
      "0.01",
    ),
    (
      (*DQN, "SuccessReward.success = 2.0"),
      "SuccessReward.success is read by nothing: EnvironmentConfig.reward is "
      "@KeepReward()",
    ),
    (
      (*DQN, "OnEvaluation.min_mean_return = 5"),
      "OnEvaluation.min_mean_return is read by nothing: TrainingConfig.stop is "
      "@AtTheEnd()",
    ),
    (
      (*DQN, "AtariObservation.frame_skip = 2"),
      "AtariObservation.frame_skip is read by nothing: "
      "EnvironmentConfig.observation is @OwnObservation()",
    ),
    # Scopes: of a reference, of none, and of the root.
    (
      (*DQN, "DqnConfig.optimizer = @a/Adam()", "b/Adam.beta_1 = 0.5"),
      "b/Adam.beta_1 is read by nothing: DqnConfig.optimizer is @a/Adam()",
    ),
    (
      (*DQN, "b/EnvironmentConfig.num_envs = 2"),
      "b/EnvironmentConfig.num_envs is read by nothing: Experiment.environment "
      "is @EnvironmentConfig()",
    ),
    (
      (*DQN, "b/Experiment.agent = @A2cConfig()"),
      "b/Experiment.agent is read by nothing: expected Experiment.agent",
    ),
    # Macros.
    (
      (
        *DQN,
        "DqnConfig.optimizer = %mine",
        "mine = @RmsProp()",
        "Adam.beta_1=0",
      ),
      "Adam.beta_1 is read by nothing: DqnConfig.optimizer is @RmsProp()",
    ),
    # A block of bindings.
    (
      (*DQN, "RmsProp:\n  decay = 0.5"),
      "RmsProp.decay is read by nothing: DqnConfig.optimizer is @Adam()",
    ),
    # A value that does not fit is reported first.
    (
      (*DQN, "DqnConfig.optimizer = 'adam'", "RmsProp.decay = 0.5"),
      "DqnConfig.optimizer = 'adam': expected one of @Adam(), @AdamW(), "
      "@RmsProp(), @Sgd(), @Optimizer()",
    ),
  ],
)
def test_names_the_choice_that_replaces_it(load, bindings, message):
  for files, rest in (([], bindings), ([bindings], ()), ([DQN], bindings)):
    with pytest.raises(errors.UserError) as caught:
      load(files, rest)
    assert str(caught.value) == message


def test_scopes_and_macros_are_followed_as_gin_follows_them(load):
  (experiment, printed) = load(
    [],
    (
      "Experiment.agent = @one/DqnConfig()",
      *ENOUGH,
      "DqnConfig.optimizer = @Adam()",
      "one/DqnConfig.epsilon = %mine",
      "mine = @LinearEpsilon()",
      "mine/LinearEpsilon.final = 0.25",  # a macro is a scope
      "LinearEpsilon.initial = 0.75",
      "one/Adam.beta_1 = 0.5",  # what is made within a scope is in it
      "Adam.beta_2 = 0.125",
    ),
  )
  agent = experiment.agent
  assert (agent.optimizer.beta_1, agent.optimizer.beta_2) == (0.5, 0.125)
  assert (agent.epsilon.initial, agent.epsilon.final) == (0.75, 0.25)
  assert printed == []


def test_a_later_choice_may_leave_earlier_bindings_unread_and_tells(load):
  first = (
    *DQN,
    "DqnConfig.hidden_layers = (4,)",
    "DqnConfig.gamma = 0.5",
    "ReplayConfig.capacity_env_steps = 500",
    "LinearEpsilon.final = 0.2",
  )
  expected = [
    "Experiment.agent is @A2cConfig(): DqnConfig.hidden_layers and 3 more "
    "bindings are read by nothing"
  ]
  choice = "Experiment.agent = @A2cConfig()"
  for files, bindings in (
    ([first], [choice]),
    ([first, choice], []),
    ([first, f"include '0.gin'\n{choice}"], []),
  ):
    experiment, printed = load(files, bindings)
    assert type(experiment.agent).__name__ == "A2cConfig"
    assert printed == expected
  # Of two choices, each says its own; one binding is one.
  _, printed = load(
    [(*first, "Adam.beta_1 = 0.5")],
    [choice, "A2cConfig.optimizer = @AdamW()"],
  )
  assert printed == [
    *expected,
    "A2cConfig.optimizer is @AdamW(): Adam.beta_1 is read by nothing",
  ]


@pytest.mark.parametrize(
  ("files", "bindings"),
  [
    # Made and left unread by one and the same source.
    ([DQN], ("Experiment.agent = @A2cConfig()", "DqnConfig.gamma = 0.5")),
    ([DQN, ("Experiment.agent = @A2cConfig()", "DqnConfig.gamma = 0.5")], ()),
    ([(*DQN, "DqnConfig.gamma = 0.5", "Experiment.agent = @A2cConfig()")], ()),
    # By a source after the choice.
    ([DQN, "Experiment.agent = @A2cConfig()"], ("DqnConfig.gamma = 0.5",)),
  ],
)
def test_a_binding_beside_the_choice_that_leaves_it_unread_is_rejected(
  load, files, bindings
):
  with pytest.raises(errors.UserError) as caught:
    load(files, bindings)
  assert str(caught.value) == (
    "DqnConfig.gamma is read by nothing: Experiment.agent is @A2cConfig()"
  )


def test_a_file_is_derived_from_another_by_including_it(load, tmp_path):
  (tmp_path / "base.gin").write_text("\n".join((*DQN, "Adam.beta_1 = 0.5")))
  derived = "include 'base.gin'\nDqnConfig.optimizer = @RmsProp()\n"
  _, printed = load([derived])
  assert printed == [
    "DqnConfig.optimizer is @RmsProp(): Adam.beta_1 is read by nothing"
  ]
  with pytest.raises(errors.UserError, match=r"Adam.beta_2 is read by nothing"):
    load([f"{derived}Adam.beta_2 = 0.5"])


def test_with_imports_allowed_only_an_import_ends_the_search(
  tmp_path, monkeypatch
):
  (tmp_path / "reads_anything.py").touch()
  monkeypatch.syspath_prepend(tmp_path)
  unread = [*DQN, "RmsProp.decay = 0.5"]
  with pytest.raises(errors.UserError, match="RmsProp.decay is read by"):
    gin_files.load_experiment([], unread, allow_imports=True)
  gin_files.load_experiment(
    [], [*unread, "import reads_anything"], allow_imports=True
  )
