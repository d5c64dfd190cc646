"""Which device runs, and when threads are left alone."""

import os

import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.training import compilation


@pytest.fixture
def machine(monkeypatch):
  """A machine with so many GPUs; what was done to them."""
  done = {"hidden": False, "grow": []}
  monkeypatch.setattr(
    tf.config,
    "set_visible_devices",
    lambda found, kind: done.update(hidden=(found, kind) == ([], "GPU")),
  )
  monkeypatch.setattr(
    tf.config.experimental,
    "set_memory_growth",
    lambda gpu, grows: done["grow"].append((gpu, grows)),
  )

  def with_gpus(*gpus):
    monkeypatch.setattr(
      tf.config, "list_physical_devices", lambda kind: list(gpus)
    )
    return done

  return with_gpus


@pytest.mark.parametrize(
  "wanted, gpus, pays, chosen",
  [
    ("auto", (), True, "cpu"),
    ("auto", ("one",), False, "cpu"),
    ("auto", ("one",), True, "gpu"),
    ("cpu", ("one",), True, "cpu"),
    ("gpu", ("one", "two"), False, "gpu"),
  ],
)
def test_the_device_that_is_chosen(machine, wanted, gpus, pays, chosen):
  done, printed = machine(*gpus), []
  found = compilation.choose_device(
    wanted, benefits_from_gpu=pays, report=printed.append
  )
  assert found == chosen
  assert done["hidden"] == (chosen == "cpu")
  assert done["grow"] == [(g, True) for g in gpus if chosen == "gpu"]
  # Only where a GPU is left alone unasked there is something to explain.
  explains = (wanted, gpus, pays) == ("auto", ("one",), False)
  assert ["--device=gpu" in line for line in printed] == [True] * explains


def test_a_missing_gpu_is_rejected(machine):
  machine()
  with pytest.raises(errors.UserError, match="TensorFlow sees no GPU"):
    compilation.choose_device("gpu")


def test_only_small_products_change_the_threads(monkeypatch):
  asked = []
  for kind in ("intra", "inter"):
    monkeypatch.delenv(f"TF_NUM_{kind.upper()}OP_THREADS", raising=False)
    monkeypatch.setattr(
      tf.config.threading,
      f"set_{kind}_op_parallelism_threads",
      lambda number, kind=kind: asked.append((kind, number)),
    )
  monkeypatch.setenv("XLA_FLAGS", "")
  compilation.choose_threads(compilation.SHARED_PRODUCT, enters_python=True)
  assert asked == [] and os.environ["XLA_FLAGS"] == ""
  compilation.choose_threads(1_000, enters_python=False)
  assert asked == [("intra", 1)]
  assert "multi_thread_eigen=false" in os.environ["XLA_FLAGS"]
  asked.clear()
  monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")  # the user's own
  compilation.choose_threads(1_000, enters_python=True)
  assert asked == [("inter", 1)]
