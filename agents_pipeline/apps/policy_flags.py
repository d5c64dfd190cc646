"""The flags that say which policy: an exported one, or one of a run."""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from agents_pipeline.files import paths, run_folder

flags.disclaim_key_flags()  # --help lists them with those of the binary

_BEST = "best"


def define_checkpoint() -> None:
  """Defines --checkpoint."""
  flags.DEFINE_string(
    "checkpoint",
    _BEST,
    "Which policy of --root_dir: 'best' is the best one evaluated so far, or "
    "the latest if there was no evaluation since training began; 'latest' is "
    "the newest one; a name in checkpoints/, such as env_steps-20000, is the "
    "policy of that checkpoint.",
  )


def define() -> None:
  """Defines --policy_dir, --root_dir and --checkpoint."""
  flags.DEFINE_string(
    "policy_dir", None, "An exported policy, such as policy/ of a run folder."
  )
  flags.DEFINE_string(
    "root_dir", None, "A run folder, in place of --policy_dir."
  )
  define_checkpoint()


def folder() -> pathlib.Path | None:
  """The path of the given policy or run; None if none is given.

  Raises:
    UserError: both are given, --checkpoint is given without --root_dir, or the
      path cannot be used.
  """
  values = flags.FLAGS
  if values.policy_dir and values.root_dir:
    raise errors.UserError(
      "expected one of --policy_dir and --root_dir, not both"
    )
  if values.checkpoint != _BEST and not values.root_dir:
    raise errors.UserError(
      f"--checkpoint={values.checkpoint!r}: expected --root_dir as well"
    )
  name = "policy_dir" if values.policy_dir else "root_dir"
  given = values[name].value
  if not given:
    return None
  path = paths.from_text(f"--{name}", given)
  paths.check_no_glob(f"--{name}", path)
  return path


@contextlib.contextmanager
def exported(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Yields an exported policy; a run's is exported into a temporary folder.

  Args:
    path: the path that `folder` returned.

  Raises:
    UserError: there is no such policy.
    RunError: every checkpoint is damaged.
  """
  if flags.FLAGS.policy_dir:
    yield path
    return
  from agents_pipeline.runs import export

  with tempfile.TemporaryDirectory(prefix="policy-") as temporary:
    policy_dir = pathlib.Path(temporary) / "policy"
    export.export_from_checkpoint(
      run_folder.RunFolder(path),
      flags.FLAGS.checkpoint,
      policy_dir,
      command_line.report,
    )
    yield policy_dir
