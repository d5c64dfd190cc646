"""Checkpoints: saved, restored whole or in part, and refused."""

import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.config import schema
from agents_pipeline.runs import checkpoints
from agents_pipeline.training import learners


def save(saver, env_steps):
  return saver.save(checkpoints.About(env_steps, "config", {"loss": 0.5}))


def no_report(line):
  raise AssertionError(line)


def test_the_two_newest_checkpoints_are_kept_and_restored(tmp_path):
  number = tf.Variable(0)
  saver = checkpoints.Checkpoints(tmp_path, {"number": number})
  assert saver.restore(no_report) is None
  for env_steps in (8, 9, 10):  # 10 comes after 9
    number.assign(env_steps)
    assert save(saver, env_steps) == tmp_path / f"env_steps-{env_steps}"
  names = ["env_steps-10", "env_steps-9"]
  assert sorted(p.name for p in tmp_path.iterdir()) == names
  number.assign(-1)
  again = checkpoints.Checkpoints(tmp_path, {"number": number})
  about = again.restore(no_report)
  assert (about.env_steps, about.config, about.metrics) == (
    10,
    "config",
    {"loss": 0.5},
  )
  assert about.packages["tensorflow"] == tf.__version__
  assert int(number) == 10
  previous = tmp_path / "env_steps-9"
  about = checkpoints.read_about(previous)
  checkpoints.restore_part(previous, about, {"number": number})
  assert int(number) == 9


def test_the_first_of_each_period_is_kept_for_good(tmp_path):
  config = schema.CheckpointConfig(num_kept=1, keep_period_env_steps=100)
  for env_steps in (40, 90, 130, 180, 200, 299, 460, 470):
    saver = checkpoints.Checkpoints(tmp_path, {"a": tf.Variable(0)}, config)
    save(saver, env_steps)
  kept = [path.name for path in checkpoints.newest_first(tmp_path)]
  assert kept == [f"env_steps-{n}" for n in (470, 460, 200, 130)]


def test_tensorflow_reads_a_checkpoint_by_its_folder(tmp_path):
  number = tf.Variable(7)
  folder = save(checkpoints.Checkpoints(tmp_path, {"number": number}), 1)
  number.assign(0)
  newest = tf.train.latest_checkpoint(str(folder))
  tf.train.Checkpoint(number=number).read(newest).assert_consumed()
  assert int(number) == 7


def test_a_checkpoint_that_does_not_fit_is_rejected(tmp_path):
  save(checkpoints.Checkpoints(tmp_path, {"a": tf.Variable(0)}), 1)
  for objects in (
    {"a": tf.Variable(0), "b": tf.Variable(0)},
    {"a": tf.Variable([0, 0])},
  ):
    with pytest.raises(errors.UserError, match="does not fit") as caught:
      checkpoints.Checkpoints(tmp_path, objects).restore(no_report)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_another_format_is_rejected(tmp_path):
  number = tf.Variable(0)
  saver = checkpoints.Checkpoints(tmp_path, {"number": number})
  saver.save(
    checkpoints.About(1, "", {}, {"agents_pipeline": "9.8"}, format=99)
  )
  with pytest.raises(errors.UserError) as caught:
    saver.restore(no_report)
  assert str(caught.value) == (
    f"{tmp_path}/env_steps-1 has format 99, of agents_pipeline 9.8; expected "
    f"format {checkpoints.FORMAT}: resume with that version, or start over "
    "with --overwrite"
  )


def test_a_part_of_a_checkpoint_can_be_restored(tmp_path):
  folder = save(
    checkpoints.Checkpoints(
      tmp_path, {"a": tf.Variable(5), "b": tf.Variable(6)}
    ),
    1,
  )
  part = tf.Variable(0)
  about = checkpoints.read_about(folder)
  checkpoints.restore_part(folder, about, {"b": part})
  assert int(part) == 6
  with pytest.raises(errors.UserError, match="is damaged: .*No such file"):
    checkpoints.read_about(tmp_path / "env_steps-2")
  missing = tmp_path / "env_steps-2"
  with pytest.raises(checkpoints.DamagedError, match="env_steps-2 is damaged"):
    checkpoints.restore_part(missing, about, {"b": part})


def test_iterating_past_damaged_checkpoints(tmp_path):
  assert list(checkpoints.until_intact(tmp_path)) == []
  saver = checkpoints.Checkpoints(tmp_path, {"a": tf.Variable(5)})
  for env_steps in (1, 2):
    save(saver, env_steps)
  found = checkpoints.until_intact(tmp_path)
  assert [next(found).name, next(found).name] == ["env_steps-2", "env_steps-1"]
  with pytest.raises(errors.RunError, match="every checkpoint is damaged"):
    next(found)


class OneOfTwo(learners.Learners):
  """A learner beside one that says the same, but for what it has saved.

  Attributes:
    has: the checkpoints of the other.
    is_intact: whether it could restore the last one that was tried.
  """

  def __init__(self, has, is_intact=lambda: True):
    super().__init__()
    self.has, self.is_intact = has, is_intact

  def common(self, numbers):
    return [number for number in numbers if number in self.has]

  def any(self, which):
    return which or not self.is_intact()


def test_learners_restore_the_newest_checkpoint_that_all_have(tmp_path):
  number = tf.Variable(0)
  config = schema.CheckpointConfig(num_kept=3)
  saver = checkpoints.Checkpoints(tmp_path, {"number": number}, config)
  for env_steps in (10, 20, 30):
    number.assign(env_steps)
    save(saver, env_steps)

  def restored(all_learners):
    return checkpoints.Checkpoints(
      tmp_path, {"number": number}, config, all_learners
    ).restore(no_report)

  assert restored(OneOfTwo([20, 10])).env_steps == int(number) == 20
  answers = iter([False, True])  # the other's second is damaged
  all_learners = OneOfTwo([30, 20], lambda: next(answers))
  assert restored(all_learners).env_steps == int(number) == 20
  with pytest.raises(errors.RunError, match="every checkpoint is damaged"):
    restored(OneOfTwo([]))


def test_learners_begin_where_only_some_have_saved(tmp_path):
  saver = checkpoints.Checkpoints(tmp_path, {"number": tf.Variable(1)})
  save(saver, 10)
  all_learners = OneOfTwo([])
  saver = checkpoints.Checkpoints(
    tmp_path, {"number": tf.Variable(1)}, None, all_learners
  )
  assert saver.restore(no_report) is None
