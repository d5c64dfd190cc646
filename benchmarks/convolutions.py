"""What a convolution costs in XLA on the CPU, and the same as a product.

python -m benchmarks.convolutions [--num_turns=15]

One layer of MinAtar's network and two of larger ones, in the two forms of
`networks/convolution.py`: its values, these with the kernel's gradient, and
with the image's as well. Both forms take turns on one thread. Then whole
iterations of configs/dqn_minatar_breakout.gin, by products of patches and by
XLA's own convolutions. Times are of the processor, not of the clock: one core
does all of the work, and others may be using it.
"""

import functools
import time
from collections.abc import Callable
from typing import NamedTuple
from unittest import mock

import numpy as np
from absl import flags

from agents_pipeline.agents import building
from agents_pipeline.apps import command_line
from agents_pipeline.config import gin_files, seeding
from agents_pipeline.networks import convolution
from agents_pipeline.training import compilation
from benchmarks import interleaved, report

_FLAGS = flags.FLAGS
_GIN_FILE = "configs/dqn_minatar_breakout.gin"
_CALLS, _ITERATIONS = 20, 200  # of a turn
_FORMS = {"product of patches": True, "convolution": False}
_WANTED = {"values": 0, "and the kernel's gradient": 1, "and the image's": 2}


class _Layer(NamedTuple):
  """A convolution, and the images that go into it."""

  batch: int
  side: int
  channels: int
  filters: int
  size: int
  stride: int

  def __str__(self) -> str:
    image = f"{self.batch} x {self.side} x {self.side} x {self.channels}"
    filters = f"{self.filters} of {self.size} x {self.size}"
    return f"{image}, {filters}, stride {self.stride}"


_LAYERS = (
  _Layer(32, 10, 4, 16, 3, 1),  # MinAtar's
  _Layer(32, 20, 32, 64, 4, 2),
  _Layer(32, 9, 64, 64, 3, 1),
)


def _layer_turn(sizes: _Layer, by_products: bool, num_gradients: int):
  """Compiles a layer; a turn returns calls per second."""
  import tensorflow as tf

  layer = convolution.Convolution(sizes.filters, sizes.size, sizes.stride)
  layer.by_products = by_products
  shape = (sizes.batch, sizes.side, sizes.side, sizes.channels)
  images = tf.random.stateless_uniform(shape, (1, 2))
  layer(images)

  def compute(x):
    wanted = [layer.kernel, x][:num_gradients]
    with tf.GradientTape() as tape:
      tape.watch(wanted)
      values = layer(x)
      loss = tf.reduce_sum(tf.square(values))
    found = tape.gradient(loss, wanted) if wanted else [values]
    return tf.add_n([tf.reduce_sum(y) for y in found])

  @tf.function(jit_compile=True, autograph=False)
  def repeat(x):
    # Each depends on the one before, or XLA would compute it once.
    body = lambda i, total: (i + 1, total + compute(x + 1e-9 * total))
    start = (tf.constant(0), tf.constant(0.0))
    return tf.while_loop(lambda i, _: i < _CALLS, body, start)[1]

  return _turn(lambda: float(repeat(images)), _CALLS)


def _iteration_turn(by_products: bool):
  """Builds MinAtar's DQN and collects; a turn returns iterations per second."""
  import tensorflow as tf

  experiment = gin_files.load_experiment([_GIN_FILE], [])
  with mock.patch.object(
    compilation, "convolves_by_products", lambda: by_products
  ):
    compiled = building.build(experiment, seeding.Seeds(0)).compiled
  compiled.collect(tf.constant(5_000))
  count = tf.constant(_ITERATIONS)
  train = lambda: int(compiled.train(count).num_train_steps)
  return _turn(train, _ITERATIONS)


def _turn(call: Callable[[], object], count: int) -> Callable[[], float]:
  """Calls once, to compile; a turn returns what is done per second."""
  call()

  def turn():
    start = time.process_time()
    call()
    return count / (time.process_time() - start)

  return turn


def _row(first: str, make: Callable[[bool], Callable[[], float]]) -> list[str]:
  """Times both forms in turns: us of each, and the ratio of the rounds."""
  turns = {form: make(value) for form, value in _FORMS.items()}
  rates = interleaved.take_turns(turns, range(_FLAGS.num_turns))
  found = interleaved.ratio(*rates.values())
  times = [f"{1e6 / np.median(x):,.0f}" for x in rates.values()]
  ratio = f"{found.median:.1f} ({found.low:.1f} to {found.high:.1f})"
  return [first, *times, ratio]


def main() -> int:
  """Prints the table, and returns the exit code."""
  compilation.choose_threads(1, enters_python=False)
  rows = []
  for sizes in _LAYERS:
    for wanted, number in _WANTED.items():
      make = functools.partial(_layer_turn, sizes, num_gradients=number)
      rows.append(
        _row(f"{sizes}: {wanted}", lambda x, m=make: m(by_products=x))
      )
  rows.append(_row("an iteration of MinAtar's DQN", _iteration_turn))
  header = ["", *(f"{form}, us" for form in _FORMS), "times as long"]
  print(report.markdown_table(header, rows))
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_integer("num_turns", 15, "Of each side.", lower_bound=1)
  command_line.run(main)
