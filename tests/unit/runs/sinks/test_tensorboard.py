"""TensorBoard gets what the tables get, read back by its own reader."""

import contextlib
import io

import numpy as np
import PIL.Image
import pytest
import small_runs
from tensorboard.backend.event_processing import (
  event_accumulator,
  plugin_event_accumulator,
)
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.util import tensor_util

from agents_pipeline import errors
from agents_pipeline.evaluation import video_files
from agents_pipeline.files import run_folder, tables
from agents_pipeline.runs.sinks import sink, tensorboard

SIZES = {event_accumulator.TENSORS: 0}  # all of them


def read(root):
  """Tag -> [(env steps, value)]; a value is a number or bytes."""
  reader = event_accumulator.EventAccumulator(str(root), SIZES)
  reader.Reload()
  return {
    tag: [
      (event.step, tensor_util.make_ndarray(event.tensor_proto).tolist())
      for event in reader.Tensors(tag)
    ]
    for tag in reader.Tags()["tensors"]
  }


def plugins_of(root):
  """Page of TensorBoard -> tags that it shows."""
  reader = plugin_event_accumulator.EventAccumulator(str(root), SIZES)
  reader.Reload()
  found = {}
  for plugin in ("scalars", "text", "images", "hparams"):
    with contextlib.suppress(KeyError):  # nothing for it
      found[plugin] = reader.PluginTagToContent(plugin)
  return found


def make_video(path, size=(640, 400), num_frames=60, fps=50.0):
  path.parent.mkdir(exist_ok=True)
  with video_files.open_writer(path, fps, "") as video:
    for i in range(num_frames):
      video.append_data(np.full((size[1], size[0], 3), 4 * i, np.uint8))
  return path


def test_tags_are_grouped_and_none_is_left_out(tmp_path):
  events = tensorboard.TensorBoardSink(run_folder.RunFolder(tmp_path))
  row = {"env_steps": 100, "loss": 0.25, "epsilon": None, "episode_return": 7.5}
  row |= {"evaluation_return": 9.0, "train_steps": 90}
  timing = {"env_steps": 100, "env_steps_per_second": 8.0}
  events.write(sink.LogEntry(row, timing))
  events.close()
  assert row["env_steps"] == 100  # others get the same entry
  assert read(tmp_path) == {
    "train/loss": [(100, 0.25)],
    "episodes/return": [(100, 7.5)],
    "evaluation/return": [(100, 9.0)],
    "time/train_steps": [(100, 90.0)],
    "time/env_steps_per_second": [(100, 8.0)],
  }
  assert len(plugins_of(tmp_path)["scalars"]) == 5


def test_videos_become_images_that_move(tmp_path):
  folder = run_folder.RunFolder(tmp_path)
  events = tensorboard.TensorBoardSink(folder)
  video = make_video(folder.training_video(7, "mp4"))
  page = folder.training_video(8, "html")  # which is no image
  events.write(sink.LogEntry({"env_steps": 50}, videos=(video, page)))
  make_video(folder.trained_video)
  events.finish({"env_steps": 60, "mean_return": 4.5})
  events.close()
  found = read(tmp_path)
  ((step, (width, height, gif)),) = found["evaluation/video"]
  assert (step, width, height) == (50, b"320", b"200")
  with PIL.Image.open(io.BytesIO(gif)) as image:
    assert image.size == (320, 200) and image.n_frames == 12  # of 60, at 50/s
  assert found["evaluation/final_video"][0][0] == 60
  assert found["evaluation/final_return"] == [(60, 4.5)]
  assert set(plugins_of(tmp_path)["images"]) == {
    "evaluation/video", "evaluation/final_video",
  }  # fmt: skip


def test_a_run_has_its_configuration_and_its_result(make_experiment, tmp_path):
  outcome = small_runs.train(
    make_experiment(),
    tmp_path,
    finish=lambda run: {
      **run.counters(), "mean_return": 12.5, "interval_95": [11.0, 14.0],
    },
  )  # fmt: skip
  found, pages = read(tmp_path), plugins_of(tmp_path)
  ((step, text),) = found["config.gin"]
  written = outcome.folder.config.read_text()
  lines = text.decode().splitlines()
  assert step == 0 and [line[4:] for line in lines] == written.splitlines()
  start = hparams_metadata.parse_session_start_info_plugin_data(
    pages["hparams"][hparams_metadata.SESSION_START_INFO_TAG]
  )
  assert start.hparams["DqnConfig.gamma"].number_value == 0.99
  assert start.hparams["DqnConfig.double"].bool_value is False
  assert start.hparams["DqnConfig.hidden_layers"].string_value == "(16,)"
  assert start.hparams["Experiment.agent"].string_value == "@DqnConfig()"
  end = hparams_metadata.parse_session_end_info_plugin_data(
    pages["hparams"][hparams_metadata.SESSION_END_INFO_TAG]
  )
  assert end.status == 1  # success
  assert found["evaluation/final_return"] == [(300, 12.5)]
  assert found["evaluation/final_return_low_95"] == [(300, 11.0)]
  assert found["evaluation/final_return_high_95"] == [(300, 14.0)]
  rows = tables.read(outcome.folder.metrics)
  assert found["train/loss"] == [
    (row["env_steps"], pytest.approx(row["loss"], rel=1e-5))
    for row in rows
    if row["loss"] is not None
  ]
  groups = {tag.split("/")[0] for tag in pages["scalars"]}
  assert groups == {"train", "episodes", "evaluation", "time"}


def test_what_a_resumed_run_repeats_is_there_once(make_experiment, tmp_path):
  class Failing(sink.Sink):
    def write(self, entry):
      if entry.metrics["env_steps"] == 200:  # not in any checkpoint
        raise errors.RunError("killed")

  with pytest.raises(errors.RunError, match="killed"):
    small_runs.train(
      make_experiment(), tmp_path, extra_sinks=[lambda *_: Failing()]
    )
  before = [step for step, _ in read(tmp_path)["train/loss"]]
  outcome = small_runs.train(
    make_experiment("TrainingConfig.num_env_steps = 400"), tmp_path
  )
  found = read(tmp_path)
  assert before == [100, 200]
  assert [step for step, _ in found["train/loss"]] == [100, 200, 300, 400]
  for tag, events in found.items():
    steps = [step for step, _ in events]
    assert len(set(steps)) == len(steps), tag
  # The configuration from where on it holds; of settings, those in force.
  assert [step for step, _ in found["config.gin"]] == [0, 100]
  start = hparams_metadata.parse_session_start_info_plugin_data(
    plugins_of(tmp_path)["hparams"][hparams_metadata.SESSION_START_INFO_TAG]
  )
  assert start.hparams["TrainingConfig.num_env_steps"].number_value == 400
  assert outcome.completed


def test_an_event_that_is_cut_short_is_dropped(tmp_path):
  folder = run_folder.RunFolder(tmp_path)
  first = tensorboard.TensorBoardSink(folder)
  for env_steps in (100, 200):
    first.write(sink.LogEntry({"env_steps": env_steps, "loss": 0.5}))
  first.close()
  (path,) = tmp_path.iterdir()
  path.write_bytes(path.read_bytes()[:-7])
  second = tensorboard.TensorBoardSink(folder, 200)
  second.write(sink.LogEntry({"env_steps": 300, "loss": 0.25}))
  second.close()
  assert read(tmp_path) == {"train/loss": [(100, 0.5), (300, 0.25)]}


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
  with pytest.raises(errors.RunError, match="^TensorBoard's events cannot be"):
    tensorboard.TensorBoardSink(run_folder.RunFolder(tmp_path / "gone"))
