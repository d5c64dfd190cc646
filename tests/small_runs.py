"""Small experiments, and a way to train them without their final stage."""

import dataclasses
import os

from agents_pipeline.files import run_folder
from agents_pipeline.runs import console, training_run
from agents_pipeline.runs.sinks import sink

# Those that learn from a replay, and what each has of its own.
FAMILY = {
  "dqn": ("DqnConfig", ()),
  "c51": (
    "C51Config",
    (
      "C51Config.num_atoms = 11",
      "C51Config.v_min = 0",
      "C51Config.v_max = 50",
    ),
  ),
  "qr_dqn": ("QrDqnConfig", ("QrDqnConfig.num_quantiles = 8",)),
}
FAMILY["rainbow"] = (
  "C51Config",
  (
    *FAMILY["c51"][1],
    "C51Config.double = True",
    "C51Config.dueling = True",
    "C51Config.n_step = 3",
    "C51Config.noisy = True",
    "C51Config.epsilon = None",
    "C51Config.replay = @PrioritizedReplay()",
    # Else a run that is extended anneals beta over its new length.
    "PrioritizedReplay.initial_beta = 1",
  ),
)
_AGENTS = {
  **{
    agent: (
      f"Experiment.agent = @{config}()",
      f"{config}.hidden_layers = (16,)",
      f"{config}.batch_size = 16",
      *own,
    )
    for agent, (config, own) in FAMILY.items()
  },
  "a2c": (
    "Experiment.agent = @A2cConfig()",
    "EnvironmentConfig.num_envs = 2",
    "A2cConfig.hidden_layers = (16,)",
  ),
}


def agents(*chosen):
  """Those that a test is run with: the chosen, or all if EVERY_AGENT is set.

  Those whose code paths differ are enough for most properties.
  """
  if not os.environ.get("EVERY_AGENT"):
    return list(chosen)
  return list(dict.fromkeys([*chosen, *FAMILY]))


def capacity(agent, env_steps):
  """What binds how much the replay of one of `FAMILY` keeps."""
  replay = "PrioritizedReplay" if agent == "rainbow" else "ReplayConfig"
  return f"{replay}.capacity_env_steps = {env_steps}"


def bindings(agent="dqn", environment="CartPole-v1", num_env_steps=300):
  """Gin bindings of an experiment that takes seconds.

  It logs and saves three times, trains from a sixth of the run on, and
  evaluates before training, at two thirds and at the end.

  Args:
    agent: one of `FAMILY`, or "a2c".
    environment: gymnasium id.
    num_env_steps: length of the run; the periods are fractions of it.
  """
  third, sixth = num_env_steps // 3, num_env_steps // 6
  lines = [
    *_AGENTS[agent],
    f"EnvironmentConfig.name = '{environment}'",
    f"TrainingConfig.num_env_steps = {num_env_steps}",
    f"TrainingConfig.log_period_env_steps = {third}",
    f"TrainingConfig.checkpoint_period_env_steps = {third}",
    f"EvaluationConfig.period_env_steps = {2 * third}",
    "EvaluationConfig.num_episodes_while_training = 2",
    "EvaluationConfig.num_episodes = 3",
  ]
  if agent in FAMILY:
    config, _ = FAMILY[agent]
    lines += [
      f"{config}.num_random_env_steps = {sixth}",
      f"{config}.num_env_steps_before_training = {sixth}",
      capacity(agent, 2 * third),
    ]
  return lines


def flags(root, gin_bindings):
  """The flags of `train` for these bindings."""
  return [f"--root_dir={root}", *(f"--gin_bindings={b}" for b in gin_bindings)]


@dataclasses.dataclass(frozen=True)
class Outcome:
  """What one start of a run led to.

  Attributes:
    completed: whether the run finished.
    printed: lines printed to the user.
    folder: its run folder.
  """

  completed: bool
  printed: list[str]
  folder: run_folder.RunFolder


def train(
  experiment,
  root,
  *,
  stop_requested=lambda: False,
  max_results=None,
  device="cpu",
  overwrite=False,
  allow_changes=False,
  finish=lambda run: run.counters(),
  extra_sinks=(),
):
  """Trains without the final export, evaluation and videos.

  Args:
    experiment: the configuration.
    root: of the run folder.
    stop_requested: whether the user asks to stop.
    max_results: the user also asks to stop when so many results are logged.
    device: see `training_run.train`.
    overwrite: likewise.
    allow_changes: likewise.
    finish: likewise; `mark_finished` makes the run count as finished.
    extra_sinks: likewise.

  Returns:
    The outcome.
  """
  folder, printed, counter = run_folder.RunFolder(root), [], ResultCounter()
  is_enough = lambda: max_results is not None and counter.count >= max_results
  completed = training_run.train(
    experiment,
    folder,
    device=device,
    overwrite=overwrite,
    allow_changes=allow_changes,
    console=console.Console(
      printed.append, lambda: is_enough() or stop_requested()
    ),
    finish=finish,
    extra_sinks=[lambda run, resumed_at: counter, *extra_sinks],
  )
  return Outcome(completed, printed, folder)


def mark_finished(run):
  """A final stage that leaves an empty policy and made-up results."""
  run.folder.policy.mkdir(exist_ok=True)
  run.folder.evaluation.write_text(
    '{"mean_return": 1.0, "interval_95": [1.0, 1.0], "returns": [1.0]}'
  )
  return run.counters()


class ResultCounter(sink.Sink):
  """A sink that counts the results of training."""

  def __init__(self):
    self.count = 0

  def write(self, entry):
    self.count += entry.timing is not None  # None: before training
