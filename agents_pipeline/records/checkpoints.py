"""Checkpoints: everything that a run needs to go on."""

import pathlib

import tensorflow as tf

from agents_pipeline import errors

_KEPT = 2  # the newest, and the one before it


class Checkpoints:
  """The checkpoints of one run, named by env steps."""

  def __init__(self, directory: pathlib.Path, objects: dict):
    """Tracks what will be saved.

    Args:
      directory: where they lie; made when the first is saved.
      objects: name -> anything `tf.train.Checkpoint` tracks.
    """
    self._checkpoint = tf.train.Checkpoint(**objects)
    self._manager = tf.train.CheckpointManager(
      self._checkpoint,
      str(directory),
      max_to_keep=_KEPT,
      checkpoint_name="env_steps",
    )

  @property
  def latest(self) -> str | None:
    """The newest checkpoint's path, or None."""
    return self._manager.latest_checkpoint

  def save(self, env_steps: int) -> None:
    """Saves everything, unless that step is saved already.

    Raises:
      RunError: it cannot be written; the one before is kept.
    """
    if self.latest and self.latest.endswith(f"env_steps-{env_steps}"):
      return
    try:
      self._manager.save(checkpoint_number=env_steps)
    except tf.errors.OpError as error:  # such as a full disk
      reason = str(error).strip().split("\n")[0]
      raise errors.RunError(
        f"checkpoint of env step {env_steps:,} cannot be written: {reason}"
      ) from None

  def restore(self, path: str | None = None) -> bool:
    """Restores a checkpoint, by default the newest, whole or not at all.

    Returns:
      Whether there was one.

    Raises:
      UserError: it does not hold what this configuration needs.
    """
    path = path or self.latest
    if path is None:
      return False
    try:
      self._checkpoint.restore(path).assert_consumed()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
      reason = str(error).strip().split("\n")[0]
      raise errors.UserError(
        f"checkpoint {path} does not fit this configuration: {reason}"
      ) from None
    return True


def restore_part(path: str, objects: dict) -> None:
  """Restores some of the objects of a checkpoint, leaving out the rest.

  Raises:
    UserError: there is no such checkpoint, or it does not hold them.
  """
  try:
    status = tf.train.Checkpoint(**objects).restore(path)
    status.assert_existing_objects_matched().expect_partial()
  except (AssertionError, ValueError, tf.errors.OpError) as error:
    reason = str(error).strip().split("\n")[0]
    raise errors.UserError(
      f"checkpoint {path!r} cannot be restored: {reason}"
    ) from None
