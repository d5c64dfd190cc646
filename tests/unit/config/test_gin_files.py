"""Configuration, gin files, seeds and the run folder."""

import dataclasses

import gin
import pytest

from agents_pipeline import errors
from agents_pipeline.agents import optimizers
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.config import (
  fields,
  gin_files,
  rewards,
  seeding,
)
from agents_pipeline.files import atomic, run_folder

LEAST = [
  "Experiment.agent = @DqnConfig()",
  "EnvironmentConfig.name = 'CartPole-v1'",
  "TrainingConfig.num_env_steps = 2_000",
]


@pytest.mark.parametrize(
  ("bindings", "message"),
  [
    ([], "Experiment.agent is required and not bound"),
    (LEAST[:1], "EnvironmentConfig.name is required and not bound"),
    (LEAST[:2], "TrainingConfig.num_env_steps is required and not bound"),
    (
      [*LEAST, "DqnConfg.gamma = 1"],
      "unknown gin name 'DqnConfg': did you mean 'DqnConfig'?",
    ),
    (
      [*LEAST, "DqnConfig.gama = 1"],
      "unknown gin parameter DqnConfig.gama: did you mean 'gamma'?",
    ),
    (
      [*LEAST, "DqnConfig.epsilon = @ConstntEpsilon()"],
      "unknown gin name 'ConstntEpsilon': did you mean 'ConstantEpsilon'?",
    ),
    (
      [*LEAST, "DqnConfig.gamma = 1.5"],
      "DqnConfig.gamma = 1.5: expected a number in [0, 1]",
    ),
    (
      [*LEAST, "DqnConfig.gamma = 'x'"],
      "DqnConfig.gamma = 'x': expected a number in [0, 1]",
    ),
    (
      [*LEAST, "DqnConfig.batch_size = 0"],
      "DqnConfig.batch_size = 0: expected a whole number in [1, 1000000]",
    ),
    (
      [*LEAST, "DqnConfig.batch_size = 2.0"],
      "DqnConfig.batch_size = 2.0: expected a whole number in [1, 1000000]",
    ),
    (
      [*LEAST, "DqnConfig.double = 1"],
      "DqnConfig.double = 1: expected True or False",
    ),
    (
      [*LEAST, "DqnConfig.hidden_layers = (64, 0)"],
      "DqnConfig.hidden_layers = (64, 0): expected a tuple of whole numbers "
      "in [1, 65536] such as (64, 64)",
    ),
    (
      [*LEAST, "EnvironmentConfig.backend = 'tesnor'"],
      "EnvironmentConfig.backend = 'tesnor': expected one of 'auto', 'tensor', "
      "'gymnasium'; did you mean 'tensor'?",
    ),
    (
      [*LEAST, "DqnConfig.epsilon = 0.1"],
      "DqnConfig.epsilon = 0.1: expected one of @ConstantEpsilon(), "
      "@LinearEpsilon(), @ExponentialEpsilon(), @GeometricEpsilon(), "
      "@LinearEpsilonOverEpisodes()",
    ),
    (
      [*LEAST, "DqnConfig.target_update_tau = 0"],
      "DqnConfig.target_update_tau = 0: expected a number in (0, 1]",
    ),
    (
      [*LEAST, "ReplayConfig.capacity_env_steps = 10"],
      "DqnConfig.batch_size = 64: expected at most "
      "ReplayConfig.capacity_env_steps = 10",
    ),
    (
      [
        *LEAST,
        "DqnConfig.gradient_clip_value = 1.0",
        "DqnConfig.gradient_clip_global_norm = 1.0",
      ],
      "DqnConfig.gradient_clip_value = 1.0 and .gradient_clip_global_norm = "
      "1.0: expected at most one of them; None does not clip",
    ),
    (
      [
        *LEAST,
        "EnvironmentConfig.num_envs = 2000",
        "DqnConfig.n_step = 2",
      ],
      "DqnConfig.num_env_steps_before_training = 1000: expected at least "
      "n_step * num_envs = 4000, so that there is something to sample",
    ),
    (
      [*LEAST, "DqnConfig.replay = @NewestTransition()", "DqnConfig.n_step=3"],
      "DqnConfig.n_step = 3: expected 1 with DqnConfig.replay = "
      "@NewestTransition()",
    ),
    (
      [
        *LEAST,
        "DqnConfig.num_collect_episodes_per_iteration = 1",
        "DqnConfig.num_collect_steps_per_iteration = 2",
      ],
      "DqnConfig.num_collect_episodes_per_iteration = 1 and "
      ".num_collect_steps_per_iteration = 2: expected at most one of them",
    ),
    (
      [
        *LEAST,
        "DqnConfig.target_update_period_episodes = 5",
        "DqnConfig.target_update_period_train_steps = 10",
      ],
      "DqnConfig.target_update_period_episodes = 5 and "
      ".target_update_period_train_steps = 10: expected at most one of them",
    ),
    (
      [*LEAST, "EnvironmentConfig.observation = @AtariObservation()"],
      "EnvironmentConfig.observation = AtariObservation(frame_skip=4, "
      "screen_size=84, num_frames=4, max_noops=30, "
      "repeat_action_probability=0.25): 'CartPole-v1' is no game of Atari; "
      "expected an id such as 'ALE/Pong-v5'",
    ),
    (
      [
        *LEAST,
        "EnvironmentConfig.observation = @ImageObservation()",
        "EnvironmentConfig.backend = 'tensor'",
      ],
      "EnvironmentConfig.observation = ImageObservation(rendered=True, "
      "grayscale=True, height=84, width=84, num_frames=4): tensor environments "
      "give only their own observations; expected EnvironmentConfig.backend = "
      "'auto'",
    ),
    (
      [
        *LEAST,
        "EnvironmentConfig.observation = @ImageObservation()",
        "EnvironmentConfig.vectorization = 'vector_entry_point'",
      ],
      "EnvironmentConfig.observation = ImageObservation(rendered=True, "
      "grayscale=True, height=84, width=84, num_frames=4): the vector version "
      "of 'CartPole-v1' takes no wrappers; expected "
      "EnvironmentConfig.vectorization = 'sync' or 'async'",
    ),
    (
      [
        *LEAST,
        "EnvironmentConfig.observation = @ImageObservation()",
        "ImageObservation.height = None",
      ],
      "ImageObservation.height = None and .width = 84: expected two numbers, "
      "or None for both",
    ),
    (
      [
        *LEAST,
        "EnvironmentConfig.observation = @ImageObservation()",
        "ImageObservation.num_frames = 100000",
      ],
      "ImageObservation.num_frames = 100000: expected a whole number in "
      "[1, 64]",
    ),
    (
      [
        *LEAST,
        "DqnConfig.batch_normalization = True",
        "DqnConfig.batch_size=1",
      ],
      "DqnConfig.batch_normalization = True: expected more than 1 transition "
      "per update, as one has no variance",
    ),
    (
      [*LEAST, "DqnConfig.num_env_steps_before_training = 2_000"],
      "DqnConfig.num_env_steps_before_training = 2000: expected at most 1999, "
      "so that something is learned in TrainingConfig.num_env_steps = 2000",
    ),
    (
      # 286 iterations of 7 are 2,002 env steps: the run is over.
      [
        *LEAST,
        "EnvironmentConfig.num_envs = 7",
        "DqnConfig.num_env_steps_before_training = 1_996",
      ],
      "DqnConfig.num_env_steps_before_training = 1996: expected at most 1995, "
      "so that something is learned in TrainingConfig.num_env_steps = 2000",
    ),
    (
      [
        "Experiment.agent = @A2cConfig()",
        *LEAST[1:],
        "A2cConfig.normalize_advantages = True",
        "A2cConfig.num_rollout_steps = 1",
      ],
      "A2cConfig.normalize_advantages = True: expected more than 1 step in a "
      "rollout (A2cConfig.num_rollout_steps * EnvironmentConfig.num_envs), as "
      "one minus its own mean is 0",
    ),
    (
      [*LEAST, "Adam.beta_2 = 1"],  # each step would be of length 0
      "Adam.beta_2 = 1: expected a number in [0, 1)",
    ),
    (
      [*LEAST, "DqnConfig.optimizer = @AdamW()", "AdamW.beta_1 = 1.0"],
      "AdamW.beta_1 = 1.0: expected a number in [0, 1)",
    ),
    (
      [*LEAST, "Experiment.seed = -1"],
      "Experiment.seed = -1: expected a whole number in [0, 9007199254740992]",
    ),
    (
      [*LEAST, "Experiment.seed = 9_007_199_254_740_993"],
      "Experiment.seed = 9007199254740993: expected a whole number in [0, "
      "9007199254740992]",
    ),
  ],
)
def test_wrong_configurations_are_one_line(bindings, message):
  with pytest.raises(errors.UserError) as caught:
    gin_files.load_experiment([], bindings)
  assert str(caught.value) == message


@pytest.mark.parametrize(
  "bindings",
  [
    ["DqnConfig.num_env_steps_before_training = 1_999"],
    ["Adam.beta_1 = 0.0", "Adam.beta_2 = 0.9999999"],
    [
      "EnvironmentConfig.num_envs = 7",
      "DqnConfig.num_env_steps_before_training = 1_995",
    ],
    [
      "Experiment.agent = @A2cConfig()",
      "A2cConfig.normalize_advantages = True",
      "A2cConfig.num_rollout_steps = 1",
      "EnvironmentConfig.num_envs = 2",
    ],
  ],
)
def test_what_just_learns_is_an_experiment(bindings):
  assert gin_files.load_experiment([], [*LEAST, *bindings])


@pytest.mark.parametrize(
  ("bindings", "most"),
  [
    # 1,000 iterations of a train step each after 1,000 env steps.
    (
      ["DqnConfig.target_update_period_train_steps = 1_001"],
      "1000 train steps",
    ),
    # 1,000 of 1,001 env steps are 143 iterations of 7; 2,000 are 286: 143 * 3.
    (
      [
        "DqnConfig.target_update_period_train_steps = 430",
        "EnvironmentConfig.num_envs = 7",
        "DqnConfig.num_train_steps_per_iteration = 3",
      ],
      "429 train steps",
    ),
    (
      [
        "DqnConfig.target_update_period_episodes = 5",
        "TrainingConfig.num_episodes = 4",
      ],
      "4 episodes",
    ),
  ],
)
def test_a_target_network_that_is_never_updated_is_told(bindings, most):
  said = []
  gin_files.load_experiment([], [*LEAST, *bindings], report=said.append)
  name, period = bindings[0].split(" = ")
  period = period.replace("_", "")
  assert said == [
    f"{name} = {period}: the target network stays as it begins, as there are "
    f"at most {most}"
  ]
  said.clear()
  fewer = f"{name} = {int(period) - 1}"
  gin_files.load_experiment([], [*LEAST, *bindings, fewer], report=said.append)
  assert said == []


def test_a_missing_file_is_named_with_the_nearest(tmp_path):
  (tmp_path / "cartpole.gin").touch()
  with pytest.raises(errors.UserError, match="did you mean .*cartpole.gin"):
    gin_files.load_experiment([tmp_path / "cartpol.gin"])


def test_later_files_and_bindings_override_earlier_ones(tmp_path):
  first, second = tmp_path / "first.gin", tmp_path / "second.gin"
  first.write_text("\n".join(LEAST) + "\nDqnConfig.gamma = 0.1\n")
  second.write_text("DqnConfig.gamma = 0.2\nDqnConfig.n_step = 2\n")
  experiment = gin_files.load_experiment(
    [first, second], ["DqnConfig.n_step = 3"]
  )
  assert (experiment.agent.gamma, experiment.agent.n_step) == (0.2, 3)


def test_the_configuration_is_locked_and_frozen():
  experiment = gin_files.load_experiment([], LEAST)
  with pytest.raises(RuntimeError):
    gin.bind_parameter("DqnConfig.gamma", 0.5)
  with pytest.raises(dataclasses.FrozenInstanceError):
    experiment.agent.gamma = 0.5


def test_the_text_of_an_experiment_gives_it_back(tmp_path):
  bindings = [
    *LEAST,
    "DqnConfig.epsilon = @ExponentialEpsilon()",
    "ExponentialEpsilon.final = 0.01",
    "DqnConfig.optimizer = @AdamW()",
    "AdamW.amsgrad = True",
    "DqnConfig.hidden_layers = (7, 8, 9)",
  ]
  experiment = gin_files.load_experiment([], bindings)
  text = gin_files.to_text(experiment)
  for field in dataclasses.fields(dqn_config.DqnConfig):
    assert f"DqnConfig.{field.name} = " in text
  file = tmp_path / "config.gin"
  file.write_text(text)
  assert gin_files.load_experiment([file]) == experiment
  assert gin_files.to_text(experiment) == text


def test_differences_are_told_by_name():
  before, after = (
    gin_files.to_text(gin_files.load_experiment([], [*LEAST, *more]))
    for more in (
      [],
      ["DqnConfig.gamma = 0.5", "DqnConfig.hidden_layers = (1, 2)"],
    )
  )
  assert gin_files.differences(before, before) == []
  assert gin_files.differences(before, after) == [
    "DqnConfig.gamma: 0.99 -> 0.5",
    "DqnConfig.hidden_layers: (64, 64) -> (1, 2)",
  ]


def test_derived_values():
  experiment = gin_files.load_experiment(
    [],
    [
      *LEAST,
      "EnvironmentConfig.num_envs = 3",
      "DqnConfig.num_collect_steps_per_iteration = 4",
      "ReplayConfig.capacity_env_steps = 100",
    ],
  )
  assert experiment.num_env_steps_per_iteration == 12
  assert experiment.agent.num_transitions_per_update(3) == 64


def test_child_seeds_differ_by_name_and_by_parent():
  seeds = [seeding.Seeds(0), seeding.Seeds(1)]
  names = ["network", "exploration", "environment", "replay", "evaluation"]
  children = {getattr(s, name) for s in seeds for name in names}
  assert len(children) == 10
  assert seeding.Seeds(0) == seeds[0]
  assert seeding.Seeds(0).network == 1014471771  # the same everywhere, always
  assert all(0 <= child < 2**31 for child in children)


def test_a_run_folder_is_cleared_of_what_a_run_writes_and_nothing_else(
  tmp_path,
):
  run = run_folder.RunFolder(tmp_path)
  assert not run.has_run
  for name in ("config.gin", "run.json", "events.out.tfevents.1", "mine.txt"):
    (tmp_path / name).touch()
  run.policy.mkdir()
  assert run.has_run
  atomic.clear(run.existing_paths)
  assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_class_that_extends_a_choice_can_be_bound(tmp_path):
  """As a user's own module would define it."""

  @fields.config
  class DoubledReward(rewards.Reward):
    """Twice the environment's own."""

    factor: float = fields.number(2.0, above=True)

    def __call__(self, reward, ended, episode_return):
      return self.factor * reward

  bindings = [*LEAST, "EnvironmentConfig.reward = @DoubledReward()"]
  try:
    experiment = gin_files.load_experiment([], bindings)
    assert experiment.environment.reward(3.0, False, 0.0) == 6.0
    text = gin_files.to_text(experiment)
    assert "DoubledReward.factor = 2.0" in text
    with pytest.raises(errors.UserError, match=r"factor = 0.0: expected a num"):
      gin_files.load_experiment([], [*bindings, "DoubledReward.factor = 0.0"])
  finally:
    del fields.CLASSES["DoubledReward"]


def test_numbers_that_need_not_be_whole_become_floats():
  choice = rewards.SuccessReward(195, 1, -1)
  assert repr(choice) == (
    "SuccessReward(min_episode_return=195.0, success=1.0, failure=-1.0)"
  )
  assert isinstance(optimizers.RmsProp(initial_accumulator=0).epsilon, float)
  assert isinstance(
    optimizers.LinearLearningRate(num_train_steps=3).final, float
  )
  config = dqn_config.DqnConfig(gradient_clip_value=None, gamma=1)
  assert config.gamma == 1.0 and isinstance(config.gamma, float)
  assert config.gradient_clip_value is None
