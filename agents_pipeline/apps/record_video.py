"""Records episodes of a policy, or of random actions.

python -m agents_pipeline.apps.record_video --output=cartpole.gif \\
  --root_dir=runs/dqn_cartpole
"""

import pathlib

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line, policy_flags
from agents_pipeline.files import paths

policy_flags.define()
_RANDOM_POLICY = flags.DEFINE_bool(
  "random_policy", False, "Record random actions instead; needs --environment."
)
_ENVIRONMENT = flags.DEFINE_string(
  "environment", None, "A gymnasium id; by default the one trained on."
)
_NUM_EPISODES = flags.DEFINE_integer(
  "num_episodes",
  None,
  "Number of episodes, one after the other; by default as many as fill five "
  "seconds, and a minute at most.",
  lower_bound=1,
  upper_bound=1_000,
)
_SEED = flags.DEFINE_integer(
  "seed", 0, "Seed of the environment resets.", lower_bound=0
)
_CAPTIONS = flags.DEFINE_bool(
  "captions",
  False,
  "Draw the frame number and the return so far into each frame.",
)
_OUTPUT = flags.DEFINE_string(
  "output",
  None,
  "The video: .mp4, .gif, or .html to step through.",
)
_HUMAN = flags.DEFINE_bool(
  "human", False, "Show the episodes in a window, in place of --output."
)


def main() -> int:
  """Records as the flags say, and returns the exit code."""
  environment = _ENVIRONMENT.value
  folder = policy_flags.folder()
  if (folder is not None) == _RANDOM_POLICY.value:
    raise errors.UserError(
      "expected one of --policy_dir, --root_dir and --random_policy"
    )
  output = _output()
  with command_line.quiet_imports():
    from agents_pipeline.config import schema
    from agents_pipeline.evaluation import (
      evaluator,
      loaded_policy,
      video,
      video_files,
    )
  if output:
    video_files.check_format(output)
  if folder:
    with policy_flags.exported(folder) as policy_dir:
      policy, config = loaded_policy.load_for(policy_dir, environment, folder)
    act: evaluator.Act = policy.act
  elif environment:
    config = schema.EnvironmentConfig(environment)
    act = evaluator.random_act(config, _SEED.value)
  else:
    raise errors.UserError("--random_policy: expected --environment as well")
  if output is None:
    played = video.show(act, config, _NUM_EPISODES.value or 1, _SEED.value)
  else:
    played = video.record_video(
      act,
      config,
      output,
      _NUM_EPISODES.value,
      _SEED.value,
      _CAPTIONS.value,
      command_line.report,
    )
  returns = ", ".join(f"{r:.1f}" for r in played.returns)
  if played.is_cut:
    returns += " (an episode was cut before its end)"
  shown = f"{output}: {config.name}" if output else config.name
  command_line.print_result(f"{shown}, returns {returns}")
  return command_line.DONE


def _output() -> pathlib.Path | None:
  """The path of the video; None for a window.

  Raises:
    UserError: neither a file nor a window is given, or both, or the file cannot
      be written.
  """
  if _HUMAN.value:
    for name, value in (
      ("output", _OUTPUT.value),
      ("captions", _CAPTIONS.value),
    ):
      if value:
        raise errors.UserError(f"--human shows a window: expected no --{name}")
    return None
  if _OUTPUT.value is None:
    raise errors.UserError("expected --output, or --human to show a window")
  output = paths.from_text("--output", _OUTPUT.value)
  command_line.check_writable("--output", output)
  return output


if __name__ == "__main__":
  command_line.run(main)
