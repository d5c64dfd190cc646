"""What a run does between two results, every so often."""

from agents_pipeline.agents import pipeline as pipeline_lib
from agents_pipeline.config import schema
from agents_pipeline.environments import making
from agents_pipeline.evaluation import evaluator
from agents_pipeline.files import run_folder
from agents_pipeline.runs import console as person_lib
from agents_pipeline.runs import videos
from agents_pipeline.training import loop


class Every:
  """Says when a multiple of a period has been reached since it was asked."""

  def __init__(self, period: int, start: int):
    """Counts from somewhere.

    Args:
      period: in any unit.
      start: in the same; its multiple is not due again.
    """
    self._period = period
    self._block = start // period

  def __call__(self, now: int) -> bool:
    """Whether it is due now."""
    block = now // self._period
    due = block > self._block
    self._block = block
    return due


class Evaluations:
  """Evaluates the policy that learns, and keeps the best."""

  def __init__(
    self,
    experiment: schema.Experiment,
    pipeline: pipeline_lib.Pipeline,
    seed: int,
    person: person_lib.Person,
  ):
    """Begins where the interval under way began.

    Args:
      experiment: says how often, and in what.
      pipeline: is evaluated.
      seed: parent of the episodes' seeds.
      person: may stop one; then it is due again.
    """
    self._experiment = experiment
    self._pipeline = pipeline
    self._act = person.stops(pipeline.serve(pipeline.network).act)
    self._seed = seed
    self._due = Every(
      experiment.evaluation.period_env_steps,
      int(pipeline.interval.env_steps),
    )

  def now(self, env_steps: int) -> dict[str, float]:
    """Evaluates, and returns what goes into the row."""
    found = evaluator.evaluate(
      self._act,
      self._experiment.environment,
      self._experiment.evaluation.num_episodes_while_training,
      self._seed,
    )
    self._pipeline.best.offer(
      self._pipeline.network, found.mean_return, env_steps
    )
    return {
      "evaluation_return": found.mean_return,
      "evaluation_length": found.mean_length,
    }

  def if_due(self, result: loop.IterationResult) -> dict[str, float]:
    """Evaluates at the period, and at the end of the run."""
    due = self._due(result.env_steps) or result.is_last
    return self.now(result.env_steps) if due else {}


class Films:
  """Films the policy that learns, as it is, every so many episodes."""

  def __init__(
    self,
    experiment: schema.Experiment,
    run: run_folder.RunFolder,
    pipeline: pipeline_lib.Pipeline,
    seed: int,
    person: person_lib.Person,
  ):
    """Begins at the episode where the interval under way began.

    Args:
      experiment: says how often, and how.
      run: where they go.
      pipeline: is filmed.
      seed: parent of the episode's seed; every film begins alike.
      person: is told where there is no film, and may stop one.
    """
    self._experiment = experiment
    self._run = run
    self._num_episodes = pipeline.statistics.num_episodes
    self._act = person.stops(pipeline.serve(pipeline.network).act)
    self._seed = seed
    self._person = person
    self._due: Every | None = None
    period = experiment.video.period_episodes
    if period and "rgb_array" in making.render_modes(experiment.environment):
      self._due = Every(period, int(pipeline.interval.num_episodes))

  def if_due(self) -> None:
    """Films one greedy episode, if another period of episodes has ended."""
    now = int(self._num_episodes)
    if self._due is None or not self._due(now):
      return
    videos.film(
      self._experiment,
      self._act,
      self._run.training_video(now, self._experiment.video.format),
      self._seed,
      self._person,
    )
