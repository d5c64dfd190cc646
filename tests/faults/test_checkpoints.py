"""Checkpoints that are damaged, truncated, or of another run."""

import json
import pathlib
import random
import shutil

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.files import atomic, run_folder
from agents_pipeline.runs import checkpoints, export, run_record

SIZE = 500


def checkpoints_of(folder, numbers):
  objects = {"numbers": numbers, "count": tf.Variable(1)}
  return checkpoints.Checkpoints(folder, objects)


@pytest.fixture
def two(tmp_path):
  """A folder of two checkpoints: of tens at env step 10, of elevens at 11."""
  for env_steps in (10, 11):
    numbers = tf.Variable(tf.fill([SIZE], float(env_steps)))
    about = checkpoints.About(env_steps, "", {})
    checkpoints_of(tmp_path, numbers).save(about)
  return tmp_path


def restored(folder):
  """Restores; returns the env steps of the checkpoint, and the reports."""
  numbers, reports = tf.Variable(tf.zeros([SIZE])), []
  about = checkpoints_of(folder, numbers).restore(reports.append)
  np.testing.assert_array_equal(numbers, np.full(SIZE, about.env_steps))
  return about.env_steps, reports


FILES = ["about.json", "state.index", "state.data-00000-of-00001"]


@pytest.mark.parametrize("name", FILES)
def test_a_checkpoint_with_a_missing_or_empty_file_is_skipped(two, name):
  file = two / "env_steps-11" / name
  for damage in (lambda: file.write_bytes(b""), file.unlink):
    damage()
    env_steps, (report,) = restored(two)
    assert env_steps == 10
    assert report.startswith(f"skipped: {two}/env_steps-11 is damaged: ")
    assert "\n" not in report


@pytest.mark.parametrize("name", FILES)
def test_any_changed_byte_is_detected_or_harmless(two, name):
  file, draw = two / "env_steps-11" / name, random.Random(0)
  whole = file.read_bytes()
  num_skipped = 0
  for _ in range(60):
    changed = bytearray(whole)
    changed[draw.randrange(len(whole))] ^= draw.randrange(1, 256)
    file.write_bytes(changed)
    env_steps, reports = restored(two)
    assert len(reports) == 11 - env_steps
    num_skipped += len(reports)
  assert num_skipped > 40
  for length in sorted(draw.randrange(len(whole)) for _ in range(20)):
    file.write_bytes(whole[:length])
    restored(two)


def test_nothing_is_restored_if_all_are_damaged(two):
  for folder in two.iterdir():
    (folder / "state.index").unlink()
  with pytest.raises(errors.RunError) as caught:
    restored(two)
  assert str(caught.value) == (
    f"{two}: every checkpoint is damaged; expected an intact one to resume "
    "from, or --overwrite to start over"
  )


def test_a_run_resumes_from_the_previous_one_and_ends_the_same(
  make_simple_and_combined, train_apart, tmp_path
):
  longer = "TrainingConfig.num_env_steps = 400"
  train_apart(make_simple_and_combined(longer), "whole")
  train_apart(make_simple_and_combined(), "run")
  run = run_folder.RunFolder(tmp_path / "run")
  assert [p.name for p in checkpoints.newest_first(run.checkpoints)] == [
    "env_steps-300",
    "env_steps-200",
  ]
  newest = run.checkpoints / "env_steps-300"
  (newest / "state.data-00000-of-00001").write_bytes(b"")
  (run.checkpoints / ".partial-env_steps-400").mkdir()  # of a killed process

  reports = []
  about = export.export_from_checkpoint(
    run, "best", tmp_path / "policy", reports.append
  )
  assert reports[0].startswith(f"skipped: {newest} is damaged: ")
  assert about["env_steps"] <= 200
  with pytest.raises(errors.UserError, match="env_steps-300 is damaged"):
    export.export_from_checkpoint(
      run, "env_steps-300", tmp_path / "other", print
    )

  printed = train_apart(make_simple_and_combined(longer), "run")
  assert printed[1].startswith(f"skipped: {newest} is damaged: ")
  assert "resuming at 200 env steps" in printed
  # The damaged one has been overwritten on the way.
  assert [p.name for p in sorted(run.checkpoints.iterdir())] == [
    "env_steps-300",
    "env_steps-400",
  ]
  whole = run_folder.RunFolder(tmp_path / "whole")
  ends = [
    tf.train.load_checkpoint(str(r.checkpoints / "env_steps-400"))
    for r in (run, whole)
  ]
  names = [n for n in ends[0].get_variable_to_shape_map() if "OBJECT" not in n]
  assert len(names) > 40
  for name in names:
    one, other = (end.get_tensor(name) for end in ends)
    np.testing.assert_array_equal(one, other, err_msg=name)


def test_the_configuration_of_the_checkpoint_counts(
  make_experiment, train_apart, tmp_path
):
  """config.gin is for users: editing it does not change the run."""
  train_apart(make_experiment(), "run")
  run = run_folder.RunFolder(tmp_path / "run")
  edited = run.config.read_text().replace("gamma = 0.99", "gamma = 0.5")
  run.config.write_text(edited)
  with pytest.raises(errors.UserError, match="gamma: 0.99 -> 0.5"):
    train_apart(make_experiment("DqnConfig.gamma = 0.5"), "run")


def test_other_versions_are_reported_and_other_formats_rejected(
  make_experiment, train_apart, tmp_path
):
  train_apart(make_experiment(), "run")
  run = run_folder.RunFolder(tmp_path / "run")
  about = run.checkpoints / "env_steps-300" / "about.json"
  content = json.loads(about.read_text())
  del content["checksum"]
  content["packages"]["tensorflow"] = "1.0"
  content["checksum"] = checkpoints._checksum(content)
  about.write_text(json.dumps(content))
  longer = make_experiment("TrainingConfig.num_env_steps = 320")
  assert (
    f"tensorflow is {tf.__version__}, but was 1.0 when this was saved: numbers "
    "may differ in their last bits from here on"
  ) in train_apart(longer, "run")
  del content["checksum"]
  content["format"] = 0
  content["checksum"] = checkpoints._checksum(content)
  (run.checkpoints / "env_steps-320" / "about.json").write_text(
    json.dumps(content)
  )
  with pytest.raises(errors.UserError, match="has format 0, of agents_pipel"):
    train_apart(make_experiment("TrainingConfig.num_env_steps = 400"), "run")


def test_an_overwritten_run_is_never_resumed(
  make_experiment, train, train_apart, tmp_path, monkeypatch
):
  """Even if the process was killed at any step of removing it.

  Until its checkpoints are gone, in one step, it is still the old run.
  """
  train_apart(make_experiment(), "whole")
  whole = run_folder.RunFolder(tmp_path / "whole")
  run = run_folder.RunFolder(tmp_path / "run")
  replace, unlink = pathlib.Path.replace, pathlib.Path.unlink
  left = [0]

  def counted(original):
    def call(path, *arguments, **fields):
      left[0] -= 1
      if left[0] == 0:
        raise KeyboardInterrupt
      return original(path, *arguments, **fields)

    return call

  for killed_at in range(3, 16, 3):
    shutil.rmtree(run.root, ignore_errors=True)
    shutil.copytree(whole.root, run.root)
    with monkeypatch.context() as patch:
      left[0] = killed_at
      patch.setattr(pathlib.Path, "replace", counted(replace))
      patch.setattr(pathlib.Path, "unlink", counted(unlink))
      with pytest.raises(KeyboardInterrupt):
        train(make_experiment(), "run", overwrite=True)
    printed = train_apart(make_experiment(), "run")
    is_resumed = any("resuming at" in line for line in printed)
    assert is_resumed == (killed_at < 6)
    assert not any("is finished" in line for line in printed)
    assert run.metrics.read_bytes() == whole.metrics.read_bytes()
    assert not list(run.root.glob(".*"))
    assert run_record.read(run.run_record)["outcome"] == "finished"


def test_a_linked_folder_of_checkpoints_can_be_overwritten(
  make_experiment, train_apart, tmp_path
):
  train_apart(make_experiment(), "run")
  run = run_folder.RunFolder(tmp_path / "run")
  run.checkpoints.rename(tmp_path / "scratch")
  run.checkpoints.symlink_to(tmp_path / "scratch")
  train_apart(make_experiment("TrainingConfig.num_env_steps = 320"), "run")
  assert (tmp_path / "scratch" / "env_steps-320").exists()
  train_apart(make_experiment(), "run", overwrite=True)
  assert not run.checkpoints.is_symlink()
  assert checkpoints.newest_first(run.checkpoints)[0].name == "env_steps-300"


def test_a_checkpoint_that_was_being_replaced_is_recovered(
  tmp_path, monkeypatch
):
  """After a kill between the two renames."""
  one = tf.Variable(1)
  saved = checkpoints.Checkpoints(tmp_path, {"one": one})
  about = checkpoints.About(5, "", {})
  saved.save(about)
  replace, count = pathlib.Path.replace, [0]

  def killed(path, target):
    count[0] += 1
    if count[0] == 2:
      raise KeyboardInterrupt
    return replace(path, target)

  monkeypatch.setattr(pathlib.Path, "replace", killed)
  one.assign(2)
  with pytest.raises(KeyboardInterrupt):
    saved.save(about)
  monkeypatch.setattr(pathlib.Path, "replace", replace)
  assert checkpoints.newest_first(tmp_path) == []
  atomic.recover(tmp_path)
  assert [p.name for p in tmp_path.iterdir()] == ["env_steps-5"]
  assert saved.restore(print) and int(one) == 1


def test_an_export_uses_the_configuration_that_was_saved(
  make_simple_and_combined, train_apart, tmp_path
):
  train_apart(make_simple_and_combined(), "run")
  run = run_folder.RunFolder(tmp_path / "run")
  export.export_from_checkpoint(run, "best", tmp_path / "one", print)
  edited = run.config.read_text().replace("'relu'", "'tanh'")
  run.config.write_text(edited)
  export.export_from_checkpoint(run, "best", tmp_path / "other", print)
  q = [
    tf.saved_model.load(str(tmp_path / name)).signatures["serving_default"](
      observation=tf.ones((1, 4))
    )["q_values"]
    for name in ("one", "other")
  ]
  np.testing.assert_array_equal(*q)
