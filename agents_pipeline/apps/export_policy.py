"""Exports the policy of a run, from one of its checkpoints.

python -m agents_pipeline.apps.export_policy --root_dir=runs/dqn_cartpole \\
  --policy_dir=cartpole_policy
"""

from absl import flags

from agents_pipeline.apps import command_line, policy_flags
from agents_pipeline.config import policy_formats
from agents_pipeline.files import paths, run_folder

_ROOT_DIR = flags.DEFINE_string(
  "root_dir", None, "The run folder.", required=True
)
policy_flags.define_checkpoint()
_POLICY_DIR = flags.DEFINE_string(
  "policy_dir", None, "Folder to create.", required=True
)
_FORMAT = flags.DEFINE_enum(
  "format",
  policy_formats.SAVED_MODEL,
  policy_formats.FORMATS,
  "A SavedModel for TensorFlow, policy.tflite for TensorFlow Lite, or "
  "policy.onnx for ONNX Runtime (needs tf2onnx).",
)


def main() -> int:
  """Exports as the flags say, and returns the exit code."""
  root_dir = paths.from_text("--root_dir", _ROOT_DIR.value)
  paths.check_no_glob("--root_dir", root_dir)
  policy_dir = paths.from_text("--policy_dir", _POLICY_DIR.value)
  command_line.check_writable("--policy_dir", policy_dir)
  policy_formats.check_installed(_FORMAT.value)
  with command_line.quiet_imports():
    from agents_pipeline.runs import export
  about = export.export_from_checkpoint(
    run_folder.RunFolder(root_dir),
    flags.FLAGS.checkpoint,
    policy_dir,
    command_line.report,
    _FORMAT.value,
  )
  command_line.print_result(
    f"{policy_dir}: {about['agent']} for {about['environment']} after "
    f"{about['env_steps']:,} env steps"
  )
  return command_line.DONE


if __name__ == "__main__":
  command_line.run(main)
