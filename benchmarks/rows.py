"""What `make bench` compares: each work, its sides, the ratios wanted of it."""

import dataclasses
from collections.abc import Mapping

from benchmarks import sides as sides_lib

MOST_SECONDS_TO_START = 12.0


@dataclasses.dataclass(frozen=True)
class Comparison:
  """A ratio of two sides.

  Attributes:
    ours: name of the side that is divided.
    other: of the one that it is divided by.
    least: wanted; None where nothing is.
  """

  ours: str
  other: str
  least: float | None = None


@dataclasses.dataclass(frozen=True)
class Work:
  """What is done by several sides.

  Attributes:
    title: one line.
    comparisons: of its sides.
    in_quick: whether `--quick` has it.
  """

  title: str
  comparisons: tuple[Comparison, ...]
  in_quick: bool = True

  @property
  def sides(self) -> list[str]:
    """Their names, in the order of their turns."""
    ours = [c.ours for c in self.comparisons]
    return list(dict.fromkeys(ours + [c.other for c in self.comparisons]))


WORKS: Mapping[str, Work] = {
  "dqn_tensor": Work(
    "DQN, tensor CartPole: 1 environment, 1 update of batch 64 per step",
    (
      Comparison("dqn_tensor", "textbook", 400),
      Comparison("dqn_tensor", "sb3_dqn", 35),
      Comparison("dqn_tensor", "sbx_dqn"),
      Comparison("dqn_tensor", "jax_dqn", 1.2),
      Comparison("dqn_tensor", "jax_dqn_usual", 1.2),
      Comparison("dqn_tensor", "numpy_dqn", 0.9),
    ),
  ),
  "a2c_tensor": Work(
    "A2C, tensor CartPole: 16 environments, 5 steps of each per update",
    (
      Comparison("a2c_tensor", "sb3_a2c", 45),
      Comparison("a2c_tensor", "jax_a2c", 1.5),
      Comparison("a2c_tensor", "numpy_a2c"),
    ),
  ),
  "dqn_host": Work(
    "DQN, gymnasium's CartPole: 1 environment, 1 update per step",
    (
      Comparison("dqn_host", "sb3_dqn", 3),
      Comparison("dqn_host", "bare"),
      Comparison("dqn_host_overlapped", "sb3_dqn"),
      Comparison("dqn_host_prefetched", "sb3_dqn"),
    ),
  ),
  "dqn_host_8": Work(
    "DQN, gymnasium's CartPole: 8 environments, 8 updates per 8 steps",
    (
      Comparison("dqn_host_8", "sb3_dqn_8", 10),
      Comparison("dqn_host_8_overlapped", "sb3_dqn_8"),
      Comparison("dqn_host_8_vector", "sb3_dqn_8"),
    ),
  ),
  "a2c_host": Work(
    "A2C, gymnasium's CartPole: 16 environments, 5 steps of each per update",
    (
      Comparison("a2c_host", "sb3_a2c", 4),
      Comparison("a2c_host", "bare_16"),
      Comparison("a2c_host_vector", "sb3_a2c"),
    ),
  ),
  "atari": Work(
    "Atari's Pong, 8 environments, 84 x 84, the network of Mnih et al. 2015",
    (
      Comparison("atari_by_policy", "atari_bare", 0.7),
      Comparison("atari_at_random", "atari_bare"),
      Comparison("atari_train", "atari_bare"),
      Comparison("atari_train_overlapped", "atari_bare"),
    ),
    in_quick=False,
  ),
}

# Of `make bench-check`: few, fast, and against what needs no other library.
CHECKED: Mapping[str, Comparison] = {
  "dqn_tensor": Comparison("dqn_tensor", "numpy_dqn"),
  "a2c_tensor": Comparison("a2c_tensor", "numpy_a2c"),
  "dqn_host": Comparison("dqn_host", "bare"),
  "a2c_host": Comparison("a2c_host", "bare_16"),
}


def quick(
  works: Mapping[str, Work], sides: Mapping[str, sides_lib.Side]
) -> tuple[dict[str, Work], list[str]]:
  """Leaves out what `--quick` has no time for.

  Returns:
    The works that stay, and a line for each thing left out.
  """
  kept, left_out = {}, []
  for name, work in works.items():
    if not work.in_quick:
      left_out.append(name)
      continue
    slow = [side for side in work.sides if not sides[side].in_quick]
    left_out += [f"{name}: {sides[side].title}" for side in slow]
    comparisons = tuple(
      c for c in work.comparisons if c.ours not in slow and c.other not in slow
    )
    kept[name] = dataclasses.replace(work, comparisons=comparisons)
  return kept, left_out
