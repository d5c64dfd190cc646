"""The GPU that TensorFlow computes on, where it does."""

import ctypes

import tensorflow as tf


def is_used() -> bool:
  """Whether TensorFlow computes on a GPU, once a device is chosen."""
  return bool(tf.config.get_visible_devices("GPU"))


def free_memory() -> int | None:
  """Free bytes of the GPU's memory; None if CUDA cannot be asked.

  TensorFlow itself reports only its own use, not that of other processes.
  """
  version = tf.sysconfig.get_build_info().get("cuda_version", "")
  major, _, _ = version.partition(".")
  free, total = ctypes.c_size_t(), ctypes.c_size_t()
  try:
    runtime = ctypes.CDLL(f"libcudart.so.{major}")
    status = runtime.cudaMemGetInfo(ctypes.byref(free), ctypes.byref(total))
  except (OSError, AttributeError):
    return None
  return None if status else free.value
