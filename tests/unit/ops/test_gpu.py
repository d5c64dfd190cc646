"""What is known of a GPU."""

import ctypes

import tensorflow as tf

from agents_pipeline.ops import gpu


def test_a_gpu_is_used_where_tensorflow_sees_one(monkeypatch):
  for visible in ([], ["one"]):
    monkeypatch.setattr(
      tf.config, "get_visible_devices", lambda kind, found=visible: found
    )
    assert gpu.is_used() == bool(visible)


def test_free_memory_is_what_cuda_tells(monkeypatch):
  loaded = []

  class Runtime:
    def __init__(self, name):
      loaded.append(name)

    def cudaMemGetInfo(self, free, total):
      free._obj.value, total._obj.value = 1_000, 4_000
      return status

  monkeypatch.setattr(
    tf.sysconfig, "get_build_info", lambda: {"cuda_version": "12.5.1"}
  )
  monkeypatch.setattr(ctypes, "CDLL", Runtime)
  status = 0
  assert gpu.free_memory() == 1_000
  assert loaded == ["libcudart.so.12"]
  status = 100  # no device
  assert gpu.free_memory() is None


def test_without_cuda_free_memory_is_unknown(monkeypatch):
  def missing(name):
    raise OSError(name)

  monkeypatch.setattr(ctypes, "CDLL", missing)
  assert gpu.free_memory() is None
