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
    "Of --root_dir: 'best' is the best policy evaluated so far, or the latest "
    "if there was no evaluation since training began; 'latest' is the newest "
    "one; a name in checkpoints/, such as env_steps-20000, is the policy of "
    "that moment.",
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


def is_given() -> bool:
  """Whether there is a policy.

  Raises:
    UserError: two are given, or a checkpoint of none.
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
  return bool(values.policy_dir or values.root_dir)


def folder() -> pathlib.Path:
  """The folder that is given, once it is known to be one of files of ours.

  Raises:
    UserError: its name cannot be used.
  """
  name = "--policy_dir" if flags.FLAGS.policy_dir else "--root_dir"
  given = flags.FLAGS.policy_dir or flags.FLAGS.root_dir
  path = paths.from_text(name, given)
  paths.check_no_glob(name, path)
  return path


@contextlib.contextmanager
def policy_dir() -> Iterator[pathlib.Path]:
  """The folder of the policy; that of a checkpoint is exported for a while.

  Raises:
    UserError: there is no such policy.
    RunError: every checkpoint is damaged.
  """
  path = folder()
  if flags.FLAGS.policy_dir:
    yield path
    return
  from agents_pipeline.runs import export

  with tempfile.TemporaryDirectory(prefix="policy-") as temporary:
    exported = pathlib.Path(temporary) / "policy"
    export.export_from_checkpoint(
      run_folder.RunFolder(path),
      flags.FLAGS.checkpoint,
      exported,
      command_line.report,
    )
    yield exported
