"""What stored Atari frames take: bytes per env step and resident memory.

Each capacity is measured in a process of its own: its tables are filled, and
the process's resident memory compared with that before.

python -m benchmarks.frame_memory
"""

import concurrent.futures
import multiprocessing

from absl import flags

from agents_pipeline.apps import command_line

_CAPACITIES = (10_000, 100_000, 1_000_000)  # env steps
_ROWS_AT_ONCE = 1_000
_NUM_ENVS, _NUM_FRAMES, _SIDE = 8, 4, 84  # pixels


def _measure(capacity: int) -> tuple[float, float]:
  """Bytes per env step, and the growth of resident memory in MiB."""
  with command_line.quiet_imports():
    import psutil
    import tensorflow as tf
    from tf_agents.specs import tensor_spec

    from agents_pipeline.ops import random_stream
    from agents_pipeline.replay import specs, storage, uniform
  experience = specs.ReplaySpec(
    tensor_spec.BoundedTensorSpec(
      (_NUM_FRAMES, _SIDE, _SIDE), tf.uint8, 0, 255
    ),
    tensor_spec.BoundedTensorSpec((), tf.int64, 0, 5),
    _NUM_ENVS,
    _NUM_FRAMES,
    batch_size=32,
  )
  resident = psutil.Process().memory_info
  before = resident().rss
  length = capacity // _NUM_ENVS
  replay = uniform.UniformReplayBuffer(
    experience, length, random_stream.RandomStream(0)
  )
  for table in replay.variables:  # writes every page, as adding does: in place
    if table.shape.num_elements() > _NUM_ENVS:  # no counter
      for first in range(0, table.shape[0], _ROWS_AT_ONCE):
        rows = tf.range(first, min(first + _ROWS_AT_ONCE, table.shape[0]))
        table.scatter_nd_update(
          rows[:, None], tf.ones([len(rows), *table.shape[1:]], table.dtype)
        )
  num_bytes = storage.num_bytes(experience, length)
  return num_bytes / capacity, (resident().rss - before) / 2**20


def main() -> int:
  """Measures, prints the table, and returns the exit code."""
  print(
    f"{'env steps':>12}{'bytes per step':>16}{'frames':>14}{'resident':>20}"
  )
  only = flags.FLAGS.capacity
  for capacity in [only] if only else _CAPACITIES:
    with concurrent.futures.ProcessPoolExecutor(
      1, multiprocessing.get_context("spawn")
    ) as process:
      per_step, mib = process.submit(_measure, capacity).result()
    print(
      f"{capacity:>12,}{per_step:>16,.1f}{per_step / _SIDE**2:>14.4f}"
      f"{mib:>16,.0f} MiB",
      flush=True,
    )
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_integer(
    "capacity", None, "Env steps; measures this one alone.", lower_bound=1
  )
  command_line.run(main)
