"""Checkpoints: everything that a run needs to resume.

Each is a folder that appears atomically. It holds a TensorFlow checkpoint,
which has checksums of its own, and about.json, which describes it.
"""

import contextlib
import dataclasses
import json
import pathlib
import re
import zlib
from collections.abc import Callable, Iterator

import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.config import schema
from agents_pipeline.files import atomic
from agents_pipeline.runs import run_record
from agents_pipeline.training import learners

FORMAT = 9  # version of the tracked objects' names and shapes
_PREFIX = "env_steps-"
ABOUT = "about.json"  # describes a checkpoint, in its folder
_STATE = "state"
# With this file, `tf.train.latest_checkpoint` accepts the folder.
_LATEST = f"""model_checkpoint_path: "{_STATE}"
all_model_checkpoint_paths: "{_STATE}"
"""

# What TensorFlow and json raise for truncated files and changed bytes.
_DAMAGE_ERRORS = (
  tf.errors.OpError,
  OSError,
  LookupError,
  UnicodeDecodeError,
  json.JSONDecodeError,
)


class DamagedError(errors.UserError):
  """A checkpoint cannot be read: its files are damaged or missing."""


@dataclasses.dataclass(frozen=True)
class About:
  """The description of a checkpoint.

  Attributes:
    env_steps: the env steps done since the beginning of the run.
    config: the configuration of the run, as gin text.
    metrics: the last row of metrics.csv; {} if there was none.
    packages: package -> its version when the checkpoint was saved.
    format: the version of the tracked objects' names and shapes.
  """

  env_steps: int
  config: str
  metrics: dict
  packages: dict[str, str | None] = dataclasses.field(
    default_factory=run_record.versions
  )
  format: int = FORMAT


class Checkpoints:
  """Saves and restores the checkpoints of one run."""

  def __init__(
    self,
    folder: pathlib.Path,
    objects: dict,
    config: schema.CheckpointConfig | None = None,
    all_learners: learners.Learners = learners.ALONE,
  ):
    """Tracks objects; nothing is read or written.

    Args:
      folder: the folder of the checkpoints; created when the first is saved.
      objects: name -> anything that `tf.train.Checkpoint` can track.
      config: the settings of which checkpoints are kept; None is the default.
      all_learners: the learners of the run, each with checkpoints of its own.
    """
    self._folder = folder
    self._config = config or schema.CheckpointConfig()
    self._checkpoint = tf.train.Checkpoint(**objects)
    self._all_learners = all_learners

  def save(self, about: About) -> pathlib.Path:
    """Saves a checkpoint, then removes those that need not be kept.

    Args:
      about: the description of the checkpoint.

    Returns:
      The path of the checkpoint.

    Raises:
      RunError: the checkpoint cannot be written; older ones are kept.
    """
    path = self._folder / f"{_PREFIX}{about.env_steps}"
    with atomic.folder(path) as temporary:
      self._checkpoint.write(str(temporary / _STATE))
      (temporary / "checkpoint").write_text(_LATEST, "utf-8")
      content = dataclasses.asdict(about)
      content["checksum"] = _checksum(content)
      text = json.dumps(content, indent=2)
      (temporary / ABOUT).write_text(text + "\n", "utf-8")
    self._all_learners.barrier()  # so that there is always one that all have
    # Newer ones may be there: damaged, and not yet overwritten.
    not_newer = [
      saved
      for saved in newest_first(self._folder)
      if _env_steps(saved) <= about.env_steps
    ]
    for old in _not_kept(not_newer, self._config):
      atomic.remove(old)
    return path

  def restore(self, report: Callable[[str], None]) -> About | None:
    """Restores the newest checkpoint that every learner has undamaged.

    Args:
      report: a function that prints which checkpoints are damaged.

    Returns:
      The description of the checkpoint; None if there is none.

    Raises:
      UserError: the checkpoint does not fit the tracked objects.
      RunError: all checkpoints are damaged.
    """
    paths = {_env_steps(path): path for path in newest_first(self._folder)}
    common = self._all_learners.common(list(paths))
    for path in map(paths.__getitem__, common):
      about = None
      with skip_damaged(report):
        saved = read_about(path)
        self._restore(path, saved)
        about = saved  # it is intact
      if not self._all_learners.any(about is None):
        return about
    # One checkpoint that not all have is no damage: a learner was killed while
    # the others saved the first one.
    if self._all_learners.any(len(paths) > 1 or bool(common)):
      raise _all_damaged(self._folder)
    return None

  def newest(self) -> tuple[pathlib.Path, About] | None:
    """Path and description of the newest checkpoint; None if none is intact."""
    with contextlib.suppress(errors.RunError):  # all are damaged
      return newest(self._folder)
    return None

  def _restore(self, path: pathlib.Path, about: About) -> None:
    with _reading(path, about):
      self._checkpoint.read(str(path / _STATE)).assert_consumed()


def _not_kept(
  saved: list[pathlib.Path], config: schema.CheckpointConfig
) -> list[pathlib.Path]:
  """Which checkpoints of a list, newest first, may be removed."""
  old = saved[config.num_kept :]
  if (period := config.keep_period_env_steps) is None:
    return old
  # Of one period, the last one in the list is the first that was saved.
  first = {_env_steps(path) // period: path for path in saved}
  first.pop(0, None)
  return [path for path in old if path not in first.values()]


def newest_first(folder: pathlib.Path) -> list[pathlib.Path]:
  """The checkpoints in a folder, damaged or not, newest first."""
  paths = [
    path
    for path in folder.glob(f"{_PREFIX}*")
    if re.fullmatch(rf"{_PREFIX}[0-9]+", path.name)
  ]
  return sorted(paths, key=_env_steps, reverse=True)


def until_intact(folder: pathlib.Path) -> Iterator[pathlib.Path]:
  """Yields checkpoints, newest first, until the caller finds an intact one.

  Args:
    folder: the folder of the checkpoints.

  Raises:
    RunError: the caller asks for another one after the last: all are damaged.
      An empty folder is no error.
  """
  paths = newest_first(folder)
  yield from paths
  if paths:
    raise _all_damaged(folder)


def _all_damaged(folder: pathlib.Path) -> errors.RunError:
  return errors.RunError(
    f"{folder}: every checkpoint is damaged; expected an intact one to resume "
    "from, or --overwrite to start over"
  )


@contextlib.contextmanager
def skip_damaged(report: Callable[[str], None]) -> Iterator[None]:
  """Reports a `DamagedError` within a `with` block instead of raising it."""
  try:
    yield
  except DamagedError as error:
    report(f"skipped: {error}")


def newest(folder: pathlib.Path) -> tuple[pathlib.Path, About] | None:
  """Finds the newest checkpoint whose description is intact.

  Args:
    folder: the folder of the checkpoints.

  Returns:
    Its path and its description; None if there are no checkpoints.

  Raises:
    RunError: all descriptions are damaged.
  """
  for path in until_intact(folder):
    with skip_damaged(lambda line: None):
      return path, read_about(path)
  return None


def read_about(path: pathlib.Path) -> About:
  """Reads the description of a checkpoint.

  Raises:
    DamagedError: the description is damaged or missing.
  """
  with _damage_reported(path):
    content = json.loads((path / ABOUT).read_text("utf-8"))
    if not isinstance(content, dict):
      raise OSError(f"{ABOUT} is not as it was written")
    if content.pop("checksum") != _checksum(content):
      raise OSError(f"{ABOUT} is not as it was written")
    return About(**{f.name: content[f.name] for f in dataclasses.fields(About)})


def restore_part(path: pathlib.Path, about: About, objects: dict) -> None:
  """Restores some of the objects of a checkpoint.

  Args:
    path: the path of the checkpoint.
    about: the description of the checkpoint.
    objects: name -> the object to restore; names that are left out are ignored.

  Raises:
    DamagedError: the checkpoint is damaged.
    UserError: the checkpoint does not hold these objects, or has another
      format.
  """
  with _reading(path, about):
    status = tf.train.Checkpoint(**objects).read(str(path / _STATE))
    status.assert_existing_objects_matched().expect_partial()


def check_format(path: pathlib.Path, about: About) -> None:
  """Refuses a checkpoint whose tracked objects have other names or shapes.

  Raises:
    UserError: the formats differ; the message names both, and the version that
      wrote the checkpoint.
  """
  if about.format != FORMAT:
    raise errors.UserError(
      f"{path} has format {about.format}, of agents_pipeline "
      f"{about.packages.get('agents_pipeline')}; expected format {FORMAT}: "
      "resume with that version, or start over with --overwrite"
    )


@contextlib.contextmanager
def _reading(path: pathlib.Path, about: About) -> Iterator[None]:
  """Turns TensorFlow's errors about a checkpoint into ours."""
  check_format(path, about)
  with _damage_reported(path):
    try:
      yield
    except (AssertionError, ValueError) as error:
      raise errors.UserError(
        f"checkpoint {path} does not fit this configuration: "
        f"{errors.first_line(error)}"
      ) from None


@contextlib.contextmanager
def _damage_reported(path: pathlib.Path) -> Iterator[None]:
  try:
    yield
  except _DAMAGE_ERRORS as error:
    raise DamagedError(
      f"{path} is damaged: {errors.first_line(error)}"
    ) from None


def _env_steps(path: pathlib.Path) -> int:
  return int(path.name.removeprefix(_PREFIX))


def _checksum(content: dict) -> int:
  return zlib.crc32(json.dumps(content, sort_keys=True).encode())
