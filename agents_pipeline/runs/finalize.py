"""The end of a run: what it leaves for people to look at and to serve."""

import time

from agents_pipeline.agents import pipeline as pipeline_lib
from agents_pipeline.config import schema, seeding
from agents_pipeline.environments import making
from agents_pipeline.evaluation import evaluator, served_policy
from agents_pipeline.files import run_folder
from agents_pipeline.runs import console as person_lib
from agents_pipeline.runs import export, run_record, stopwatch, videos


def finish(
  experiment: schema.Experiment,
  run: run_folder.RunFolder,
  pipeline: pipeline_lib.Pipeline,
  seeds: seeding.Seeds,
  person: person_lib.Person,
  watch: stopwatch.Stopwatch,
) -> dict:
  """Exports the best policy, judges what was exported, and records it.

  Args:
    experiment: what was run.
    run: where it is written.
    pipeline: trained.
    seeds: of the run.
    person: is told, and may stop it.
    watch: is told where the time goes.

  Returns:
    What run.json tells of it.

  Raises:
    Stopped: the person stopped it.
  """
  setting, name = experiment.environment, experiment.environment.name
  start = time.monotonic()
  with watch.part("export"):
    export.export_best(pipeline, experiment, run)
  trained = person.stops(served_policy.LoadedPolicy(run.policy).act)
  with watch.part("evaluation"):
    found = evaluator.evaluate(
      trained,
      setting,
      experiment.evaluation.num_episodes,
      seeds.final_evaluation,
    )
  policy_env_steps = int(pipeline.best.env_steps)
  run_record.write_json(
    run.evaluation,
    found.to_json() | {"policy_env_steps": policy_env_steps},
  )
  low, high = evaluator.bootstrap_interval(found.returns)
  person.say(
    f"{name}: mean return {found.mean_return:.1f} (95 %: {low:.1f} to "
    f"{high:.1f}), {len(found.returns)} greedy episodes"
  )
  person.say(
    f"this is the best policy found, from env step {policy_env_steps:,}"
  )
  if "rgb_array" in making.render_modes(setting):
    at_random = evaluator.random_act(setting, seeds.final_evaluation)
    for path, act in (
      (run.trained_video, trained),
      (run.random_video, person.stops(at_random)),
    ):
      with watch.part("videos"):
        videos.film(experiment, act, path, seeds.final_evaluation, person)
  else:
    person.say(f"no video: {name} does not render 'rgb_array'")
  seconds = time.monotonic() - start
  person.say(f"evaluated, exported and recorded in {seconds:.0f} s")
  for path, what in (
    (run.learning_curve, "to look at"),
    (run.trained_video, "to watch, beside random.mp4"),
    (run.policy, "to serve, with TensorFlow alone"),
  ):
    if path.exists():
      person.say(f"  {path}  {what}")
  return {
    "env_steps": int(pipeline.statistics.env_steps),
    "train_steps": int(pipeline.train_steps),
    "episodes": int(pipeline.statistics.num_episodes),
    "policy_env_steps": policy_env_steps,
    "mean_return": found.mean_return,
    "interval_95": [low, high],
  }
