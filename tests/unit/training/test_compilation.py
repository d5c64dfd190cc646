"""When threads are left alone, and what a GPU changes."""

import os

import tensorflow as tf

from agents_pipeline.ops import gpu
from agents_pipeline.training import compilation


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


def test_a_gpu_compiles_what_the_cpu_does_not(monkeypatch):
  convolutions = ((32, 8, 4),)
  for uses_gpu in (False, True):
    monkeypatch.setattr(gpu, "is_used", lambda found=uses_gpu: found)
    assert compilation.xla_trains(convolutions) == uses_gpu
    assert compilation.always_evaluates(convolutions) == uses_gpu
    assert compilation.unrolls(5) == uses_gpu
    assert not compilation.unrolls(100)
    assert compilation.always_assigns_target(100_001) == uses_gpu
    assert compilation.always_assigns_target(100_000)
    # Of 2 on the CPU in a long run of a small network alone.
    for weights, env_steps, on_cpu in (
      (100_000, 10**6, 2),
      (100_001, 10**6, 1),
      (1_000, 10**6 - 1, 1),
    ):
      found = compilation.iterations_per_turn(weights, env_steps)
      assert found == (4 if uses_gpu else on_cpu)
  monkeypatch.setenv("XLA_FLAGS", "")
  compilation.choose_threads(1_000, enters_python=True)  # of the CPU
  assert os.environ["XLA_FLAGS"] == ""
