"""Random numbers: which ones, the same everywhere, and how they are spread."""

import numpy as np
import pytest
import tensorflow as tf

from agents_pipeline.ops import random_stream


def test_random_numbers_are_the_same_every_way(all_ways):
  found = []
  for compiled in all_ways.values():
    stream = random_stream.RandomStream(7)
    draw = compiled(lambda s=stream: (s.uniform((4,)), s.bits((3,))))
    found.append([x.numpy() for _ in range(3) for x in draw()])
  for other in found[1:]:
    for a, b in zip(found[0], other, strict=True):
      np.testing.assert_array_equal(a, b)


def test_random_bits_are_splitmix64(compiled):
  # The generator's published numbers for this seed; their upper halves.
  published = (
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
  )
  stream = random_stream.RandomStream(1234567)
  draw = compiled(lambda: (stream.bits((2,)), stream.bits((3, 1))))
  first, then = draw()
  assert then.shape == (3, 1)
  found = np.concatenate([first, then[:, 0]])
  assert found.tolist() == [number >> 32 for number in published]


def test_a_restored_stream_continues():
  stream, other = random_stream.RandomStream(3), random_stream.RandomStream(4)
  stream.bits((5,))
  for ours, theirs in zip(other.variables, stream.variables, strict=True):
    ours.assign(theirs)
  np.testing.assert_array_equal(stream.bits((7,)), other.bits((7,)))


def test_random_bits_are_evenly_spread():
  """Each of 32 bits, and how neighbours agree; 5 standard deviations."""
  bits = random_stream.RandomStream(0).bits((40_000,)).numpy()
  digits = (bits[:, None] >> np.arange(32)) & 1  # [N, 32]
  limit = 5 * 0.5 / np.sqrt(len(bits))
  assert np.all(np.abs(digits.mean(axis=0) - 0.5) < limit)
  agreeing = digits[1:] == digits[:-1]
  assert np.all(np.abs(agreeing.mean(axis=0) - 0.5) < limit)
  seeds = [random_stream.RandomStream(s).bits(()).numpy() for s in range(500)]
  assert len(set(seeds)) == 500


def test_unit_floats_cover_zero_to_one_without_one():
  bits = tf.constant([0, 2**31, 2**32 - 1, 255], tf.uint32)
  found = random_stream.unit_floats(bits).numpy()
  assert found.tolist() == [0.0, 0.5, 1.0 - 2.0**-24, 0.0]
  assert found.max() < 1.0


def test_below_stays_below():
  # 5 * bits / 2**32, rounded down; 858993460 is just above a fifth of 2**32.
  bits = tf.constant([0, 858993459, 858993460, 2**31, 2**32 - 1], tf.uint32)
  found = random_stream.below(bits, 5)
  assert found.dtype == tf.int32
  assert found.numpy().tolist() == [0, 0, 1, 2, 4]
  limits = tf.constant([1, 2, 3, 2**31 - 1, 2**31 - 1])
  assert random_stream.below(bits, limits).numpy().tolist() == [
    0,
    0,
    0,
    2**30 - 1,
    2**31 - 2,
  ]


@pytest.mark.parametrize(
  "draw, axis",
  [
    (lambda stream, size: stream.bits((size,)), 0),
    (lambda stream, size: stream.bits((3, size, 2), batch_axis=1), 1),
    (lambda stream, size: stream.uniform((size, 4), -1.0, 1.0), 0),
    (lambda stream, size: stream.normal((size, 2)), 0),
  ],
)
def test_shares_of_a_stream_make_up_the_whole(draw, axis):
  whole = random_stream.RandomStream(7)
  shares = [random_stream.RandomStream(7, share=(i, 3)) for i in range(3)]
  for _ in range(2):  # they go on alike
    drawn = [draw(share, 2).numpy() for share in shares]
    # Of normal ones, the last bits may differ.
    np.testing.assert_allclose(
      np.concatenate(drawn, axis), draw(whole, 6).numpy(), rtol=1e-6
    )
