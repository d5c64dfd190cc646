"""Runs greedy episodes of a policy on gymnasium's environment.

python -m agents_pipeline.apps.evaluate --root_dir=runs/dqn_cartpole
"""

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line, policy_flags
from agents_pipeline.config import schema
from agents_pipeline.files import paths

policy_flags.define()
_ENVIRONMENT = flags.DEFINE_string(
  "environment", None, "A gymnasium id; by default the one trained on."
)
_NUM_EPISODES = flags.DEFINE_integer(
  "num_episodes",
  100,
  "Number of episodes.",
  lower_bound=1,
  upper_bound=1_000_000,
)
_SEED = flags.DEFINE_integer(
  "seed",
  0,
  "Seed of the environment resets, and of --stochastic.",
  lower_bound=0,
)
_NUM_ENVS = flags.DEFINE_integer(
  "num_envs",
  schema.EvaluationConfig.num_envs,
  "How many copies of the environment live at once.",
  lower_bound=1,
  upper_bound=1_000,
)
_MAX_ENV_STEPS = flags.DEFINE_integer(
  "max_episode_env_steps",
  schema.EvaluationConfig.max_episode_env_steps,
  "Where an episode is cut.",
  lower_bound=1,
)
_STOCHASTIC = flags.DEFINE_bool(
  "stochastic",
  False,
  "Sample actions from the policy's distribution, as A2C does while it learns, "
  "in place of taking the most likely one.",
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "A JSON file to write the evaluation to."
)


def main() -> int:
  """Evaluates as the flags say, and returns the exit code."""
  if (folder := policy_flags.folder()) is None:
    raise errors.UserError("expected --policy_dir or --root_dir")
  output = paths.from_text("--output", _OUTPUT.value) if _OUTPUT.value else None
  if output and output.suffix != ".json":
    raise errors.UserError(
      f"--output={_OUTPUT.value!r}: expected a file ending in .json"
    )
  command_line.check_writable("--output", output)
  with command_line.quiet_imports():
    from agents_pipeline.environments import making
    from agents_pipeline.evaluation import evaluator, loaded_policy, sampling
    from agents_pipeline.runs import run_record
  with policy_flags.exported(folder) as policy_dir:
    policy, environment = loaded_policy.load_for(
      policy_dir, _ENVIRONMENT.value, folder
    )
  act: evaluator.Act = policy.act
  if _STOCHASTIC.value:
    env = making.make_evaluation_environment(environment)
    env.close()
    act = sampling.sampled_act(policy, env.action_space, _SEED.value)
  evaluation = evaluator.evaluate(
    act,
    environment,
    _NUM_EPISODES.value,
    _SEED.value,
    max_envs=_NUM_ENVS.value,
    max_env_steps=_MAX_ENV_STEPS.value,
    greedy=not _STOCHASTIC.value,
  )
  if evaluation.num_cut:
    command_line.report(evaluation.cut_message)
  content = evaluation.to_json() | {
    "policy_env_steps": policy.about.get("env_steps")
  }
  if output:  # before printing, which may fail
    run_record.write_json(output, content)
  low, high = content["interval_95"]
  kind = "stochastic" if _STOCHASTIC.value else "greedy"
  command_line.print_result(
    f"{environment.name}: mean return {evaluation.mean_return:.2f} over "
    f"{len(evaluation.returns)} {kind} episodes, 95 % interval {low:.2f} to "
    f"{high:.2f}, mean length {evaluation.mean_length:.1f}"
  )
  return command_line.DONE


if __name__ == "__main__":
  command_line.run(main)
