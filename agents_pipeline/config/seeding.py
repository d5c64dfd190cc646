"""One seed for the run, a named child seed for each of its random consumers."""

import dataclasses
import random
import zlib

import numpy as np


def child_seed(seed: int, *path: str | int) -> int:
  """Derives an independent 31-bit seed, the same on every platform.

  Args:
    seed: the parent seed, any non-negative int.
    *path: what the seed is for, such as ("environment", 3, 17).
  """
  key = [
    part if isinstance(part, int) else zlib.crc32(part.encode())
    for part in path
  ]
  sequence = np.random.SeedSequence(seed, spawn_key=tuple(key))
  return int(sequence.generate_state(1, np.uint32)[0] >> 1)


def seed_process(seed: int) -> None:
  """Seeds Python's and NumPy's own generators, for environments that use them.

  Nothing of ours does.

  Args:
    seed: the seed, below 2**32.
  """
  random.seed(seed)
  np.random.seed(seed)


@dataclasses.dataclass(frozen=True)
class Seeds:
  """The child seeds of a run.

  Attributes:
    run: the seed of the run, from which all others derive.
    rank: the number of this learner; each has an equal part of the
      environments.
    num_learners: the number of learners.
  """

  run: int
  rank: int = 0
  num_learners: int = 1

  @property
  def share(self) -> tuple[int, int]:
    """This learner's part of all random streams, and how many parts.

    So that what an environment meets depends on its number alone, not on how
    many learners share them.
    """
    return self.rank, self.num_learners

  @property
  def network(self) -> int:
    """The seed of the initial weights."""
    return child_seed(self.run, "network")

  @property
  def noise(self) -> int:
    """The seed of network noise in train steps; acting has `exploration`."""
    return child_seed(self.run, "noise")

  @property
  def exploration(self) -> int:
    """The seed of random actions."""
    return child_seed(self.run, "exploration")

  @property
  def environment(self) -> int:
    """The seed of resets and transitions of the training environments."""
    return child_seed(self.run, "environment")

  @property
  def replay(self) -> int:
    """The seed of the choice of transitions."""
    return child_seed(self.run, "replay")

  @property
  def evaluation(self) -> int:
    """The seed of resets of the evaluations that choose the best policy."""
    return child_seed(self.run, "evaluation")

  @property
  def final_evaluation(self) -> int:
    """The seed of resets of the final evaluation: other episodes."""
    return child_seed(self.run, "final_evaluation")
