"""Checkpoints: everything that a run needs to go on.

Each is a folder that appears whole or not at all: TensorFlow's checkpoint,
which holds checksums of its own, and about.json, which says what run it is of.
"""

import contextlib
import dataclasses
import json
import pathlib
import re
import zlib
from collections.abc import Callable

import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.files import atomic
from agents_pipeline.runs import run_record

FORMAT = 5  # of what is tracked; another is refused
_KEPT = 2  # the newest, and the one before it
_PREFIX = "env_steps-"
_STATE, _ABOUT = "state", "about.json"
# With this, TensorFlow's own functions take the folder for a checkpoint.
_FOR_TENSORFLOW = f"""model_checkpoint_path: "{_STATE}"
all_model_checkpoint_paths: "{_STATE}"
"""

# What TensorFlow and json raise where a file is cut short or has other bytes.
_DAMAGE = (
  tf.errors.OpError,
  OSError,
  LookupError,
  UnicodeDecodeError,
  json.JSONDecodeError,
)


@dataclasses.dataclass(frozen=True)
class About:
  """What a checkpoint says of itself.

  Attributes:
    env_steps: done.
    config: of the run, as gin text.
    metrics: the last row written before it; {} before the first.
    packages: name -> version it was written with.
    format: of what is tracked.
  """

  env_steps: int
  config: str
  metrics: dict
  packages: dict[str, str | None] = dataclasses.field(
    default_factory=run_record.versions
  )
  format: int = FORMAT


def all_in(directory: pathlib.Path) -> list[pathlib.Path]:
  """The checkpoints in a folder, newest first."""
  found = [
    path
    for path in directory.glob(f"{_PREFIX}*")
    if re.fullmatch(rf"{_PREFIX}[0-9]+", path.name)
  ]
  return sorted(found, key=_env_steps, reverse=True)


def _env_steps(path: pathlib.Path) -> int:
  return int(path.name.removeprefix(_PREFIX))


def newest(
  directory: pathlib.Path,
  use: Callable[[pathlib.Path, About], None] = lambda path, about: None,
  say: Callable[[str], None] = lambda line: None,
) -> tuple[pathlib.Path, About] | None:
  """Uses the newest checkpoint that is not damaged.

  Args:
    directory: of the checkpoints.
    use: given its path and what it says of itself, such as to restore it.
    say: is told which are passed over.

  Returns:
    Its path and what it says of itself; None where there is none.

  Raises:
    RunError: there are checkpoints, and all are damaged.
  """
  found = all_in(directory)
  for path in found:
    try:
      about = _read_about(path)
      use(path, about)
      return path, about
    except _DAMAGE as error:
      say(f"{path} is damaged and passed over: {_reason(error)}")
  if found:
    raise errors.RunError(
      f"{directory}: every checkpoint is damaged; expected one to go on from, "
      "or --overwrite to begin anew"
    )
  return None


def _read_about(path: pathlib.Path) -> About:
  content = json.loads((path / _ABOUT).read_text("utf-8"))
  if not isinstance(content, dict):
    raise OSError(f"{_ABOUT} is not as it was written")
  if content.pop("checksum") != _checksum(content):
    raise OSError(f"{_ABOUT} is not as it was written")
  return About(**{f.name: content[f.name] for f in dataclasses.fields(About)})


def _reason(error: Exception) -> str:
  first = str(error).strip().split("\n")[0]
  return first or type(error).__name__


def _checksum(content: dict) -> int:
  return zlib.crc32(json.dumps(content, sort_keys=True).encode())


class Checkpoints:
  """The checkpoints of one run."""

  def __init__(self, directory: pathlib.Path, objects: dict):
    """Tracks what will be saved.

    Args:
      directory: where they lie; made when the first is saved.
      objects: name -> anything `tf.train.Checkpoint` tracks.
    """
    self._directory = directory
    self._checkpoint = tf.train.Checkpoint(**objects)

  def save(self, about: About) -> pathlib.Path:
    """Saves everything; then removes what is older than the one before.

    Raises:
      RunError: it cannot be written; those before are kept.
    """
    path = self._directory / f"{_PREFIX}{about.env_steps}"
    with atomic.folder(path) as aside:
      self._checkpoint.write(str(aside / _STATE))
      (aside / "checkpoint").write_text(_FOR_TENSORFLOW, "utf-8")
      content = dataclasses.asdict(about)
      content["checksum"] = _checksum(content)
      text = json.dumps(content, indent=2)
      (aside / _ABOUT).write_text(text + "\n", "utf-8")
    older = [
      p for p in all_in(self._directory) if _env_steps(p) <= about.env_steps
    ]
    for path_before in older[_KEPT:]:
      atomic.remove(path_before)
    return path

  def restore(self, say: Callable[[str], None]) -> About | None:
    """Restores the newest checkpoint that is whole.

    Args:
      say: is told which are damaged.

    Returns:
      What it says of itself; None where there is none.

    Raises:
      UserError: it does not hold what this configuration needs.
      RunError: all of them are damaged.
    """
    restored = newest(self._directory, self._restore, say)
    return restored[1] if restored else None

  def newest(self) -> tuple[pathlib.Path, About] | None:
    """The newest checkpoint and what it says of itself; None without one."""
    with contextlib.suppress(errors.RunError):  # all are damaged
      return newest(self._directory)
    return None

  def _restore(self, path: pathlib.Path, about: About) -> None:
    check_format(path, about)
    try:
      self._checkpoint.read(str(path / _STATE)).assert_consumed()
    except (AssertionError, ValueError) as error:
      raise _does_not_fit(path, error) from None


def restore_part(path: pathlib.Path, about: About, objects: dict) -> None:
  """Restores some of the objects of a checkpoint, leaving out the rest.

  Raises:
    UserError: it does not hold them.
  """
  check_format(path, about)
  try:
    status = tf.train.Checkpoint(**objects).read(str(path / _STATE))
    status.assert_existing_objects_matched().expect_partial()
  except (AssertionError, ValueError) as error:
    raise _does_not_fit(path, error) from None


def use(
  path: pathlib.Path, what: Callable[[pathlib.Path, About], None]
) -> None:
  """Uses one certain checkpoint.

  Args:
    path: of it.
    what: given its path and what it says of itself, such as to restore it.

  Raises:
    UserError: it is damaged.
  """
  try:
    what(path, _read_about(path))
  except _DAMAGE as error:
    raise errors.UserError(f"{path} is damaged: {_reason(error)}") from None


def check_format(path: pathlib.Path, about: About) -> None:
  """Refuses a checkpoint that tracks other things.

  Raises:
    UserError: naming both formats and the version that wrote it.
  """
  if about.format != FORMAT:
    raise errors.UserError(
      f"{path} has format {about.format}, of agents_pipeline "
      f"{about.packages.get('agents_pipeline')}; expected format {FORMAT}: go "
      "on with that version, or begin anew with --overwrite"
    )


def _does_not_fit(path: pathlib.Path, error: Exception) -> errors.UserError:
  reason = str(error).strip().split("\n")[0]
  return errors.UserError(
    f"checkpoint {path} does not fit this configuration: {reason}"
  )
