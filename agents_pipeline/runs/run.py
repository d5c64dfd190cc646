"""What the stages of a run share."""

import dataclasses

from agents_pipeline.agents import pipeline as pipeline_lib
from agents_pipeline.config import schema, seeding
from agents_pipeline.files import run_folder
from agents_pipeline.runs import checkpoints as checkpoints_lib
from agents_pipeline.runs import console as console_lib
from agents_pipeline.runs import metrics
from agents_pipeline.runs import stopwatch as stopwatch_lib


@dataclasses.dataclass(frozen=True)
class Run:
  """One start of a run, new or resumed.

  Attributes:
    experiment: the configuration.
    folder: the paths of all that the run writes.
    pipeline: the agent, environment, replay and counters, wired up.
    seeds: the seeds of everything random.
    checkpoints: the checkpoints of the pipeline, in `folder`.
    console: the console that prints to the user, who may request a stop.
    stopwatch: the stopwatch that times the parts of this start.
  """

  experiment: schema.Experiment
  folder: run_folder.RunFolder
  pipeline: pipeline_lib.Pipeline
  seeds: seeding.Seeds
  checkpoints: checkpoints_lib.Checkpoints
  console: console_lib.Console
  stopwatch: stopwatch_lib.Stopwatch = dataclasses.field(
    default_factory=stopwatch_lib.Stopwatch
  )

  @property
  def is_written(self) -> bool:
    """Whether this process writes the run: of several learners, the first."""
    return self.pipeline.all_learners.rank == 0

  @property
  def columns(self) -> tuple[str, ...]:
    """The columns of metrics.csv."""
    return metrics.columns(
      (*self.pipeline.measure_names, *self.pipeline.schedules)
    )

  @property
  def env_steps(self) -> int:
    """Environment steps done since the beginning of the run."""
    return int(self.pipeline.statistics.env_steps)

  @property
  def train_steps(self) -> int:
    """Train steps done since the beginning of the run."""
    return int(self.pipeline.train_steps)

  @property
  def num_episodes(self) -> int:
    """Training episodes that ended since the beginning of the run."""
    return int(self.pipeline.statistics.num_episodes)

  def counters(self) -> dict[str, int]:
    """How far the run is, as run.json has it."""
    return {
      "env_steps": self.env_steps,
      "train_steps": self.train_steps,
      "episodes": self.num_episodes,
    }
