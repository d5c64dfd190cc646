"""TensorBoard gets what the tables get."""

import tensorflow as tf

from agents_pipeline.runs.sinks import sink, tensorboard


def test_tensorboard_gets_the_same_scalars(tmp_path):
  events = tensorboard.TensorBoardSink(tmp_path)
  row = {"env_steps": 100, "loss": 0.25, "epsilon": None}
  timing = {"env_steps": 100, "env_steps_per_second": 8.0}
  events.write(sink.LogEntry(row, timing))
  events.close()
  assert row["env_steps"] == 100  # others get the same entry
  (file,) = tmp_path.glob("events.out.tfevents.*")
  found = {
    value.tag: (event.step, float(tf.make_ndarray(value.tensor)))
    for event in tf.compat.v1.train.summary_iterator(str(file))
    for value in event.summary.value
  }
  assert found == {"loss": (100, 0.25), "env_steps_per_second": (100, 8.0)}
