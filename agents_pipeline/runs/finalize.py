"""The end of a run: export, final evaluation and videos of the best policy."""

import time
from collections.abc import Sequence

from agents_pipeline import interfaces
from agents_pipeline.evaluation import evaluator, loaded_policy, statistics
from agents_pipeline.runs import export, run_record, videos
from agents_pipeline.runs import run as run_lib


def finalize(run: run_lib.Run) -> dict:
  """Exports the best policy, then evaluates and records the exported one.

  Args:
    run: the run, whose training has ended.

  Returns:
    The results, as run.json has them.

  Raises:
    StopRequested: the user asked to stop; the resumed run does all of it again.
    RunError: the environment failed, or something cannot be written.
  """
  start = time.monotonic()
  if _evaluates_in_training(run) and not _is_on_ray(run):
    run.pipeline.close()  # before evaluating makes new copies
  with run.stopwatch.part("export"):
    export.export_best(run)
  # What was exported, as others will load it.
  policy = loaded_policy.LoadedPolicy(run.folder.policy)
  act = run.console.interruptible(policy.act)
  evaluation = _evaluate(run, act)
  if _is_on_ray(run):
    run.pipeline.close()  # before videos make a copy of their own
  low, high = statistics.bootstrap_interval(evaluation.returns)
  run.console.print(
    f"{evaluation.environment.name}: mean return {evaluation.mean_return:.1f} "
    f"(95 %: {low:.1f} to {high:.1f}), {len(evaluation.returns)} greedy "
    "episodes"
  )
  policy_env_steps = int(run.pipeline.best.env_steps)
  was_evaluated = run.experiment.evaluation.period_env_steps is not None
  which = "best policy found, from" if was_evaluated else "newest policy, of"
  run.console.print(f"this is the {which} env step {policy_env_steps:,}")
  _record_videos(run, act)
  seconds = time.monotonic() - start
  run.console.print(f"evaluated, exported and recorded in {seconds:.0f} s")
  _print_paths(run)
  return {
    **run.counters(),
    "policy_env_steps": policy_env_steps,
    "mean_return": evaluation.mean_return,
    "interval_95": [low, high],
  }


def _evaluates_in_training(run: run_lib.Run) -> bool:
  """Whether evaluations have no copies beside those that are trained on."""
  return run.experiment.evaluation.keeps_environments == "training"


def _is_on_ray(run: run_lib.Run) -> bool:
  """Whether these copies are in actors, which all work at the same time."""
  return run.experiment.environment.vectorization == "ray"


def _evaluate(run: run_lib.Run, act: evaluator.Act) -> evaluator.Evaluation:
  """Evaluates a policy; writes evaluation.json, and the result into policy/."""
  config = run.experiment.evaluation
  num_envs = config.num_envs
  copies: Sequence[interfaces.Copy] = ()
  if _evaluates_in_training(run):
    num_envs = run.experiment.environment.num_envs
    if _is_on_ray(run):
      copies = run.pipeline.training_copies()
  with (
    run.stopwatch.part("evaluation"),
    run.console.print_if_slow(
      f"evaluating {config.num_episodes} episodes of the exported policy"
    ),
  ):
    evaluation = evaluator.evaluate(
      act,
      run.experiment.environment,
      config.num_episodes,
      run.seeds.final_evaluation,
      max_envs=num_envs,
      max_env_steps=config.max_episode_env_steps,
      copies=copies,
    )
  if evaluation.num_cut:
    run.console.print(evaluation.cut_message)
  run_record.write_json(
    run.folder.evaluation,
    evaluation.to_json()
    | {"policy_env_steps": int(run.pipeline.best.env_steps)},
  )
  export.add_result(run.folder)
  return evaluation


def _record_videos(run: run_lib.Run, act: evaluator.Act) -> None:
  """Records a policy, and random actions beside it."""
  environment, seed = run.experiment.environment, run.seeds.final_evaluation
  if not run.pipeline.task.renders:
    run.console.print(
      f"no video: {environment.name} does not render 'rgb_array'"
    )
    return
  random_act = evaluator.random_act(environment, seed)
  for path, recorded_act in (
    (run.folder.trained_video, act),
    (run.folder.random_video, run.console.interruptible(random_act)),
  ):
    with run.stopwatch.part("videos"):
      videos.try_record(run.experiment, recorded_act, path, seed, run.console)


def _print_paths(run: run_lib.Run) -> None:
  for path, description in (
    (run.folder.learning_curve, "returns over env steps"),
    (run.folder.trained_video, "the policy; random.mp4 shows random actions"),
    (run.folder.policy, "SavedModel; its README.md says how to use it"),
  ):
    if path.exists():
      run.console.print(f"  {path}  {description}")
