"""Which device runs, and which flags of XLA come with it."""

import os

import pytest
import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.training import device


@pytest.fixture
def machine(monkeypatch):
  """A machine with so many GPUs; what was done to TensorFlow."""
  done = {"visible": None, "grows": None, "deterministic": False}
  monkeypatch.setenv("XLA_FLAGS", "--xla_mine=1")
  monkeypatch.setattr(
    tf.config,
    "set_visible_devices",
    lambda found, kind: done.update(visible=found),
  )
  monkeypatch.setattr(
    tf.config.experimental,
    "set_memory_growth",
    lambda gpu, grows: done.update(grows=(gpu, grows)),
  )
  monkeypatch.setattr(
    tf.config.experimental,
    "enable_op_determinism",
    lambda: done.update(deterministic=True),
  )

  def with_gpus(*gpus):
    monkeypatch.setattr(
      tf.config, "list_physical_devices", lambda kind: list(gpus)
    )
    return done

  return with_gpus


@pytest.mark.parametrize(
  "wanted, gpus, reason, chosen, explained",
  [
    ("auto", (), "images", "cpu", None),
    ("auto", ("one",), "", "cpu", "--device=gpu"),
    ("auto", ("one",), "images", "gpu", "faster for images; --device=cpu"),
    ("cpu", ("one",), "images", "cpu", None),
    ("gpu", ("one", "two"), "", "gpu", None),
  ],
)
def test_the_device_that_is_chosen(
  machine, wanted, gpus, reason, chosen, explained
):
  done, printed = machine(*gpus), []
  found = device.choose(wanted, gpu_reason=reason, report=printed.append)
  assert found == chosen
  assert done["visible"] == (["one"] if chosen == "gpu" else [])
  assert done["grows"] == (("one", True) if chosen == "gpu" else None)
  assert done["deterministic"] == (chosen == "gpu")
  # What 'auto' chose, where there was a choice.
  assert len(printed) == (explained is not None)
  assert all(explained in line for line in printed)


def test_a_missing_gpu_is_rejected(machine):
  machine()
  with pytest.raises(errors.UserError, match="TensorFlow sees no GPU"):
    device.choose("gpu")


def test_a_gpu_is_deterministic_unless_asked_not_to_be(machine):
  done = machine("one")
  device.choose("gpu", deterministic=False)
  flags = os.environ["XLA_FLAGS"].split()
  assert flags[0] == "--xla_mine=1"
  assert "--xla_gpu_graph_min_graph_size=1" in flags
  assert "--xla_gpu_deterministic_ops=true" not in flags
  assert not done["deterministic"]
  device.choose("gpu")
  assert "--xla_gpu_deterministic_ops=true" in os.environ["XLA_FLAGS"].split()
  assert done["deterministic"]


def test_flags_of_a_user_stay(machine, monkeypatch):
  machine("one")
  monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_enable_triton_gemm=true")
  device.choose("gpu")
  flags = os.environ["XLA_FLAGS"]
  assert flags.count("xla_gpu_enable_triton_gemm") == 1
  assert "xla_gpu_enable_triton_gemm=true" in flags


def test_asking_for_less_on_the_cpu_is_answered(machine):
  printed = []
  machine()
  device.choose("cpu", deterministic=False, report=printed.append)
  assert [line[:28] for line in printed] == ["--nodeterministic has no eff"]
