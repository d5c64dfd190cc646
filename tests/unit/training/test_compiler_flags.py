"""XLA flags that a user has set."""

import json
import os
import subprocess
import sys

import pytest
import tensorflow as tf

from agents_pipeline.training import compilation, compiler_flags

# The check forks, which has to be before TensorFlow does anything.
CHECKS = """
import agents_pipeline, json, os, sys, time
import tensorflow as tf
from agents_pipeline import errors
from agents_pipeline.training import compiler_flags

for settings in json.load(sys.stdin):
  for name in ("XLA_FLAGS", "TF_XLA_FLAGS"):
    os.environ.pop(name, None)
  os.environ.update(settings)
  try:
    compiler_flags.check()
    print("fine")
  except errors.UserError as error:
    print(error)
# Nothing has begun that would not let the number of threads be chosen.
tf.config.threading.set_intra_op_parallelism_threads(1)
print(tf.keras.backend.floatx())
"""


@pytest.mark.slow
def test_flags_that_would_abort_are_rejected_in_one_line(tmp_path):
  file, bad = tmp_path / "flags", tmp_path / "bad"
  file.write_text(
    "--xla_cpu_multi_thread_eigen=false\n--xla_dump_hlo_as_text\n"
  )
  bad.write_text("--xla_none_such=1")
  keras = tmp_path / "keras"
  keras.mkdir()
  (keras / "keras.json").write_text('{"floatx": "bfloat16"}')
  known = "--xla_force_host_platform_device_count=2"
  settings = [
    {},
    {"XLA_FLAGS": f" {known}"},
    {"XLA_FLAGS": str(file)},
    {"TF_XLA_FLAGS": "--tf_xla_auto_jit=2"},
    {"XLA_FLAGS": f"{known} --xla_none_such=1"},
    {"XLA_FLAGS": known, "TF_XLA_FLAGS": "--tf_xla_none_such"},
    {"XLA_FLAGS": str(bad)},
    {"XLA_FLAGS": "/no/such/file"},
    {"XLA_FLAGS": "--xla_backend_optimization_level=high"},
    {"TF_XLA_FLAGS": "--tf_xla_auto_jit=x"},
  ]
  found = subprocess.run(
    [sys.executable, "-c", CHECKS],
    input=json.dumps(settings),
    capture_output=True,
    text=True,
    # At 3, which tf2onnx sets, TensorFlow does not say what it dies of.
    env=os.environ | {"KERAS_HOME": str(keras), "TF_CPP_MIN_LOG_LEVEL": "2"},
    timeout=120,
  )
  version = f"TensorFlow {tf.__version__}"
  unknown = f"{version} does not know %s; expected flags that it knows"
  assert found.stdout.splitlines() == [
    *["fine"] * 4,
    "XLA_FLAGS: " + unknown % "--xla_none_such=1",
    "TF_XLA_FLAGS: " + unknown % "--tf_xla_none_such",
    "XLA_FLAGS: " + unknown % "--xla_none_such=1",
    "XLA_FLAGS='/no/such/file': expected flags such as --name=value, or a file "
    "with them",
    "XLA_FLAGS: --xla_backend_optimization_level=high has a value that "
    f"{version} does not take",
    f"TF_XLA_FLAGS='--tf_xla_auto_jit=x': {version} cannot start with that",
    "float32",  # Keras 2 does not know bfloat16, and was imported all the same
  ], found.stderr


def test_a_file_of_flags_is_added_to(tmp_path, monkeypatch):
  file = tmp_path / "flags"
  file.write_text("--xla_a=1\n")
  monkeypatch.setenv("XLA_FLAGS", str(file))
  compilation.choose_threads(1_000, enters_python=False)
  assert os.environ["XLA_FLAGS"].split() == [
    "--xla_a=1",
    "--xla_cpu_multi_thread_eigen=false",
  ]
  file.write_text("--xla_cpu_multi_thread_eigen=true")  # the user's own
  monkeypatch.setenv("XLA_FLAGS", str(file))
  compilation.choose_threads(1_000, enters_python=False)
  assert os.environ["XLA_FLAGS"] == str(file)
  monkeypatch.setenv("XLA_FLAGS", "--xla_a=1")
  assert compiler_flags.read("XLA_FLAGS") == "--xla_a=1"
  # Only the same name is the user's own, not one that contains it.
  monkeypatch.setenv("XLA_FLAGS", "--xla_b_more=1 --xla_c=1")
  compiler_flags.add("--xla_b=2", "--xla_c=2")
  assert os.environ["XLA_FLAGS"] == "--xla_b_more=1 --xla_c=1 --xla_b=2"
