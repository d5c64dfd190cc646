"""Runs greedy episodes of an exported policy on gymnasium's environment.

python -m agents_pipeline.apps.evaluate --policy_dir=runs/dqn_cartpole/policy
"""

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from agents_pipeline.files import paths

_POLICY_DIR = flags.DEFINE_string(
  "policy_dir", None, "The SavedModel: policy/ of a run folder.", required=True
)
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
  "seed", 0, "Seed of the environment resets.", lower_bound=0
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "A JSON file to write the evaluation to."
)


def main() -> int:
  """Evaluates as the flags say, and returns the exit code."""
  policy_dir = paths.from_text("--policy_dir", _POLICY_DIR.value)
  paths.check_no_glob("--policy_dir", policy_dir)
  output = paths.from_text("--output", _OUTPUT.value) if _OUTPUT.value else None
  if output and output.suffix != ".json":
    raise errors.UserError(
      f"--output={_OUTPUT.value!r}: expected a file ending in .json"
    )
  command_line.check_writable("--output", output)
  with command_line.quiet_imports():
    from agents_pipeline.evaluation import evaluator, served_policy
    from agents_pipeline.runs import run_record
  policy, environment = served_policy.load_for(policy_dir, _ENVIRONMENT.value)
  evaluation = evaluator.evaluate(
    policy.act, environment, _NUM_EPISODES.value, _SEED.value
  )
  content = evaluation.to_json() | {
    "policy_env_steps": policy.about.get("env_steps")
  }
  if output:  # before printing, which may fail
    run_record.write_json(output, content)
  low, high = content["interval_95"]
  command_line.print_result(
    f"{environment.name}: mean return {evaluation.mean_return:.2f} over "
    f"{len(evaluation.returns)} greedy episodes, 95 % interval {low:.2f} to "
    f"{high:.2f}, mean length {evaluation.mean_length:.1f}"
  )
  return command_line.DONE


if __name__ == "__main__":
  command_line.run(main)
