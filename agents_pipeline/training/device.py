"""Which device a run is on, and what that asks of TensorFlow and XLA.

Both are settings of a whole process, and are chosen before it computes.
"""

from collections.abc import Callable

import tensorflow as tf

from agents_pipeline import errors
from agents_pipeline.training import compiler_flags

# A loop's condition and a branch's are read back by the host each time, 16 us,
# unless they are part of a CUDA graph. In a graph, kernels that do not depend
# on each other run at once, which matters more: most are small.
_CUDA_GRAPHS = (
  "--xla_gpu_enable_command_buffer="
  "FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,CONDITIONAL,WHILE",
  "--xla_gpu_graph_min_graph_size=1",
  "--xla_gpu_command_buffer_scheduling_mode=CONCURRENT",
)
# Every run has to use the same kernels, so XLA must not pick them by timing.
# Without timing, its Triton matrix products are up to fifty times as slow as
# cuBLAS' and are turned off. Deterministic ops also turn each scatter into a
# loop over its rows, in case two of them write to the same place; none of ours
# do, so these passes are disabled.
_DETERMINISTIC = (
  "--xla_gpu_deterministic_ops=true",
  "--xla_gpu_enable_triton_gemm=false",
  "--xla_disable_hlo_passes=scatter_expander,scatter_determinism_expander",
  # In elements of both factors. Smaller products, such as DQN's with 100 units,
  # are then fused with what follows them, and take a third of cuBLAS' time.
  "--xla_gpu_gemm_rewrite_size_threshold=10000",
)


def choose(
  wanted: str,
  *,
  gpu_reason: str = "",
  deterministic: bool = True,
  report: Callable[[str], None] = lambda line: None,
) -> str:
  """Makes one kind of device the only one that TensorFlow uses.

  Args:
    wanted: 'auto', 'cpu' or 'gpu'. 'auto' is the GPU where there is one and it
      pays.
    gpu_reason: what a GPU is faster for, such as 'images'; '' for nothing.
    deterministic: whether two runs of one seed are the same on a GPU; on the
      CPU they always are.
    report: called with a line on what 'auto' chose where there was a choice,
      and on a setting without effect.

  Returns:
    'cpu' or 'gpu'.

  Raises:
    UserError: a GPU is wanted and TensorFlow sees none, or `wanted` is none of
      the three.
  """
  if wanted not in ("auto", "cpu", "gpu"):
    raise errors.UserError(
      f"device {wanted!r}: expected one of 'auto', 'cpu', 'gpu'"
    )
  if wanted == "gpu":
    check_there_is_a_gpu()
  gpus = tf.config.list_physical_devices("GPU")
  if wanted == "auto" and gpus and gpu_reason:
    report(
      f"using the GPU, which is faster for {gpu_reason}; --device=cpu avoids it"
    )
  elif wanted == "auto" and gpus:
    report(
      "using the CPU: networks this small run slower on a GPU; --device=gpu "
      "uses it all the same"
    )
  if wanted == "gpu" or (wanted == "auto" and gpus and gpu_reason):
    _use_gpu(gpus[0], deterministic)
    return "gpu"
  tf.config.set_visible_devices([], "GPU")
  if not deterministic:
    report("--nodeterministic has no effect: runs on the CPU are deterministic")
  return "cpu"


def check_there_is_a_gpu() -> None:
  """Checks that TensorFlow sees a GPU, without choosing a device.

  Raises:
    UserError: TensorFlow sees no GPU.
  """
  if not tf.config.list_physical_devices("GPU"):
    raise errors.UserError(
      "--device=gpu: TensorFlow sees no GPU; expected --device=cpu or auto"
    )


def _use_gpu(gpu: tf.config.PhysicalDevice, deterministic: bool) -> None:
  """Uses this GPU alone, and its memory as it is needed."""
  tf.config.set_visible_devices([gpu], "GPU")
  tf.config.experimental.set_memory_growth(gpu, True)
  compiler_flags.add(*_CUDA_GRAPHS)
  if deterministic:
    compiler_flags.add(*_DETERMINISTIC)
    tf.config.experimental.enable_op_determinism()
