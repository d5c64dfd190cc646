"""Which device runs: chosen once, before anything is placed."""

import tensorflow as tf

from agents_pipeline import errors


def choose_device(wanted: str) -> str:
  """Makes one kind of device the one that runs.

  Networks of this size are faster on the CPU: a GPU waits for each of their
  many small operations. So 'auto' is the CPU.

  Args:
    wanted: 'auto', 'cpu' or 'gpu'.

  Returns:
    'cpu' or 'gpu'.

  Raises:
    UserError: a GPU is asked for and TensorFlow sees none.
  """
  if wanted != "gpu":
    tf.config.set_visible_devices([], "GPU")
    return "cpu"
  gpus = tf.config.list_physical_devices("GPU")
  if not gpus:
    raise errors.UserError(
      "--device=gpu: TensorFlow sees no GPU; expected --device=cpu or auto"
    )
  for gpu in gpus:
    tf.config.experimental.set_memory_growth(gpu, True)
  return "gpu"
