"""What every agent's pipeline begins with, such as its environment."""

import dataclasses
from collections.abc import Callable

from agents_pipeline import errors, interfaces
from agents_pipeline.agents import task as task_lib
from agents_pipeline.config import schema, seeding
from agents_pipeline.environments import loading
from agents_pipeline.ops import random_stream
from agents_pipeline.training import episode_statistics

Report = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Parts:
  """What a pipeline begins with, whichever agent learns in it.

  Attributes:
    experiment: the experiment to wire.
    task: the task that evaluations act in.
    environment: the training environment.
    on_device: whether the training environment is TensorFlow ops.
    statistics: the counters of env steps and episodes.
    environment_stream: random numbers of tensor environments.
    exploration_stream: random numbers of the policy that collects.
    report: a function that reports a line to the user.
  """

  experiment: schema.Experiment
  task: task_lib.Task
  environment: interfaces.Environment
  on_device: bool
  statistics: episode_statistics.EpisodeStatistics
  environment_stream: random_stream.RandomStream
  exploration_stream: random_stream.RandomStream
  report: Report


def make_parts(
  experiment: schema.Experiment,
  seeds: seeding.Seeds,
  task: task_lib.Task,
  report: Report,
  collecting: interfaces.Collecting | None = None,
) -> Parts:
  """Makes the parts, the training environment among them.

  Args:
    experiment: the experiment to wire.
    seeds: the seeds of everything random.
    task: the task that evaluations act in.
    report: called with lines for the user.
    collecting: how actors of Ray collect; None if they do not.

  Raises:
    UserError: the environment cannot be used.
  """
  task_lib.check_images(experiment.agent, task)
  task_lib.check_normalization(experiment.agent, task)
  on_device = loading.backend_of(experiment.environment).ON_DEVICE
  if on_device and experiment.evaluation.keeps_environments == "training":
    raise errors.UserError(
      "EvaluationConfig.keeps_environments = 'training': "
      f"{task.name!r} is trained on in TensorFlow ops, which nothing else can "
      "step; expected False, or EnvironmentConfig.backend = 'gymnasium'"
    )
  environment_stream = random_stream.RandomStream(
    seeds.environment, share=seeds.share
  )
  environment = task_lib.make_training_environment(
    experiment, task, environment_stream, seeds, collecting
  )
  if on_device:  # Python's reset lazily: a resumed run replays episodes
    environment.reset()
  return Parts(
    experiment,
    task,
    environment,
    on_device,
    episode_statistics.EpisodeStatistics(
      environment.batch_size,
      experiment.max_episodes_per_result,
      seeds.num_learners,
    ),
    environment_stream,
    random_stream.RandomStream(seeds.exploration, share=seeds.share),
    report,
  )
