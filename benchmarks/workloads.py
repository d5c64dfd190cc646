"""What `make bench` measures: workloads, the sides that do each, the targets.

All sides count env steps, over all environments. Where an iteration is one env
step and one update, these are iterations too.
"""

import dataclasses
from collections.abc import Mapping

from benchmarks import scale
from benchmarks.processes import Side

MAX_SECONDS_TO_START = 12.0


@dataclasses.dataclass(frozen=True)
class Comparison:
  """A ratio of two sides' rates.

  Attributes:
    ours: the name of the side in the numerator.
    other: the name of the side in the denominator.
    wanted: the least ratio that is wanted; None where there is no target.
  """

  ours: str
  other: str
  wanted: float | None = None


@dataclasses.dataclass(frozen=True)
class Workload:
  """The same work, done by several sides.

  Attributes:
    title: the title, one line.
    comparisons: the comparisons of its sides.
    in_quick: whether `--quick` measures it.
    on_request: whether it is measured only where it is named.
  """

  title: str
  comparisons: tuple[Comparison, ...]
  in_quick: bool = True
  on_request: bool = False

  @property
  def sides(self) -> list[str]:
    """Names of its sides, in the order of their turns."""
    ours = [c.ours for c in self.comparisons]
    return list(dict.fromkeys(ours + [c.other for c in self.comparisons]))


OURS = "this pipeline"
_NUM_COPIES = (1, 2, 4, 8)
_JAX_CONVOLUTION = "the same with JAX's convolution"
_FLOOR = "NumPy's products alone"
_BARE = "gymnasium's CartPole alone"
_VECTOR = "EnvironmentConfig.vectorization = 'vector_entry_point'"
_PREFETCHED = "ReplayConfig.num_prefetched_batches = 2"
OVERLAPPED = "DqnConfig.learns_while_stepping = True"
BY_POLICY = "DqnConfig.num_random_env_steps = 0"
_AT_RANDOM = "DqnConfig.num_random_env_steps = 1_000_000_000"


# Each of ours has its own process: how many threads TensorFlow and XLA use is a
# setting of a whole process, and depends on the sizes.
def _dqn(*arguments: str, title: str = "", num_envs: int = 1) -> Side:
  """A side of ours; sides with a title of their own are not in `--quick`."""
  return Side(
    f"{OURS}{title}",
    "benchmarks.our_loop:DqnLoop",
    arguments,
    {"num_envs": num_envs},
    multiple=num_envs,
    in_quick=not title,
  )


def _a2c(*arguments: str, title: str = "") -> Side:
  return Side(
    f"{OURS}{title}",
    "benchmarks.our_loop:A2cLoop",
    arguments,
    multiple=80,
    in_quick=not title,
  )


def _atari(title: str, *arguments: str, process: str = "atari", **options):
  return Side(
    title,
    "benchmarks.our_loop:AtariLoop",
    arguments,
    options,
    process,
    multiple=8,
  )


def _minatar(*arguments: str) -> Side:
  return Side(
    OURS, "benchmarks.our_loop:MinatarLoop", arguments, in_quick=False
  )


def _jax_minatar(title: str, by_products: bool, batch_size: int) -> Side:
  return _peer(
    title, "jax_minatar:JaxMinatarDqn", "jax", by_products,
    options={"batch_size": batch_size}, multiple=1_000, in_quick=False,
  )  # fmt: skip


def _scale(way: str, num_copies: int) -> Side:
  """A side of slow environments; all are in one process, as Ray is."""
  loop = "IdealLoop" if way == "ideal" else "ScaleLoop"
  return Side(
    f"{way}, {num_copies} cop{'y' if num_copies == 1 else 'ies'}",
    f"benchmarks.scale:{loop}",
    (num_copies,) if way == "ideal" else (way, num_copies),
    process="scale",
    multiple=scale.NUM_STEPS_PER_CHUNK * num_copies,
  )


def _peer(title: str, loop: str, process: str, *arguments, **fields) -> Side:
  return Side(
    title, f"benchmarks.peers.{loop}", arguments, process=process, **fields
  )


SIDES: Mapping[str, Side] = {
  "dqn_tensor": _dqn("tensor"),
  "dqn_host": _dqn("gymnasium"),
  "dqn_host_prefetched": _dqn(
    "gymnasium", _PREFETCHED, title=", sampling ahead"
  ),
  "dqn_host_overlapped": _dqn("gymnasium", OVERLAPPED, title=", overlapped"),
  "dqn_host_8": _dqn("gymnasium", num_envs=8),
  "dqn_host_8_overlapped": _dqn(
    "gymnasium", OVERLAPPED, title=", overlapped", num_envs=8
  ),
  "dqn_host_8_vector": _dqn(
    "gymnasium", _VECTOR, title=", vector CartPole", num_envs=8
  ),
  "a2c_tensor": _a2c("tensor"),
  "a2c_host": _a2c("gymnasium"),
  "a2c_host_vector": _a2c("gymnasium", _VECTOR, title=", vector CartPole"),
  "atari_by_policy": _atari("collection by the policy", "collect", BY_POLICY),
  "atari_at_random": _atari(
    "collection, random actions", "collect", _AT_RANDOM
  ),
  "atari_train": _atari("collection and learning", "train", BY_POLICY),
  "atari_train_overlapped": _atari(
    "the same, overlapped", "train", BY_POLICY, OVERLAPPED
  ),
  # Peers: other libraries.
  "textbook": _peer(
    "textbook TF-Agents loop", "textbook:TextbookLoop", "textbook"
  ),
  "sb3_dqn": _peer("Stable-Baselines3", "stable_baselines:Dqn", "sb3", 1),
  "sb3_dqn_8": _peer(
    "Stable-Baselines3", "stable_baselines:Dqn", "sb3", 8, multiple=8
  ),
  "sb3_a2c": _peer(
    "Stable-Baselines3", "stable_baselines:A2c", "sb3", multiple=80
  ),
  "sbx_dqn": _peer("SBX", "sbx_dqn:SbxDqn", "sbx", in_quick=False),
  "jax_dqn": _peer(
    "one compiled JAX scan", "jax_dqn:JaxDqn", "jax", True, multiple=100
  ),
  "jax_dqn_usual": _peer(
    "the same as usually written", "jax_dqn:JaxDqn", "jax", False, multiple=100
  ),
  "jax_a2c": _peer(
    "one compiled JAX scan", "jax_a2c:JaxA2c", "jax", multiple=8_000
  ),
  "minatar": _minatar(),
  "minatar_100": _minatar("DqnConfig.batch_size = 100"),
  "jax_minatar": _jax_minatar("one compiled JAX scan", True, 32),
  "jax_minatar_usual": _jax_minatar(_JAX_CONVOLUTION, False, 32),
  "jax_minatar_100": _jax_minatar("one compiled JAX scan", True, 100),
  # Floors: a part of the work alone.
  "numpy_dqn": _peer(_FLOOR, "numpy_products:Dqn", "floors"),
  "numpy_a2c": _peer(_FLOOR, "numpy_products:A2c", "floors", multiple=80),
  "bare": _peer(
    _BARE, "bare_environment:CartPole", "floors", 1, in_quick=False
  ),
  "bare_16": _peer(
    _BARE, "bare_environment:CartPole", "floors", 16, multiple=16,
    in_quick=False,
  ),
  "atari_bare": _peer(
    "ale-py alone", "bare_environment:Atari", "atari_bare", multiple=8
  ),
  **{
    f"{way}_{n}": _scale(way, n)
    for n in _NUM_COPIES
    for way in ("ideal", "async", "ray", "lockstep")
  },
}  # fmt: skip

WORKLOADS: Mapping[str, Workload] = {
  "dqn_tensor": Workload(
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
  "a2c_tensor": Workload(
    "A2C, tensor CartPole: 16 environments, 5 steps of each per update",
    (
      Comparison("a2c_tensor", "sb3_a2c", 45),
      Comparison("a2c_tensor", "jax_a2c", 1.5),
      Comparison("a2c_tensor", "numpy_a2c"),
    ),
  ),
  "dqn_host": Workload(
    "DQN, gymnasium's CartPole: 1 environment, 1 update per step",
    (
      Comparison("dqn_host", "sb3_dqn", 3),
      Comparison("dqn_host", "bare"),
      Comparison("dqn_host_overlapped", "sb3_dqn"),
      Comparison("dqn_host_prefetched", "sb3_dqn"),
    ),
  ),
  "dqn_host_8": Workload(
    "DQN, gymnasium's CartPole: 8 environments, 8 updates per 8 steps",
    (
      Comparison("dqn_host_8", "sb3_dqn_8", 10),
      Comparison("dqn_host_8_overlapped", "sb3_dqn_8"),
      Comparison("dqn_host_8_vector", "sb3_dqn_8"),
    ),
  ),
  "a2c_host": Workload(
    "A2C, gymnasium's CartPole: 16 environments, 5 steps of each per update",
    (
      Comparison("a2c_host", "sb3_a2c", 4),
      Comparison("a2c_host", "bare_16"),
      Comparison("a2c_host_vector", "sb3_a2c"),
    ),
  ),
  "minatar": Workload(
    "DQN, MinAtar's Breakout: 1 environment, 1 update of batch 32 per frame",
    (
      Comparison("minatar", "jax_minatar"),
      Comparison("minatar", "jax_minatar_usual"),
    ),
    in_quick=False,
  ),
  "minatar_100": Workload(
    "DQN, MinAtar's Breakout: 1 environment, 1 update of batch 100 per frame",
    (Comparison("minatar_100", "jax_minatar_100"),),
    in_quick=False,
  ),
  "atari": Workload(
    "Atari's Pong, 8 environments, 84 x 84, the network of Mnih et al. 2015",
    (
      Comparison("atari_by_policy", "atari_bare", 0.7),
      Comparison("atari_at_random", "atari_bare"),
      Comparison("atari_train", "atari_bare"),
      Comparison("atari_train_overlapped", "atari_bare"),
    ),
    in_quick=False,
  ),
  "scale": Workload(
    "DQN, an environment of 5 ms per step, 1 update per step of all copies",
    tuple(
      comparison
      for n in _NUM_COPIES
      for comparison in (
        Comparison(f"lockstep_{n}", f"ideal_{n}", 0.8),
        Comparison(f"ray_{n}", f"ideal_{n}"),
        Comparison(f"async_{n}", f"ideal_{n}"),
      )
    ),
    in_quick=False,
    on_request=True,
  ),
}

# Of `make bench-check`: fast, and against what needs no other library.
CHECKED: Mapping[str, Comparison] = {
  name: comparison
  for name, work in WORKLOADS.items()
  for comparison in work.comparisons
  if comparison.other in ("numpy_dqn", "numpy_a2c", "bare", "bare_16")
}


def quick(
  workloads: Mapping[str, Workload], sides: Mapping[str, Side]
) -> tuple[dict[str, Workload], list[str]]:
  """Leaves out what `--quick` has no time for.

  Returns:
    The workloads that stay, and a line for each thing left out.
  """
  kept, left_out = {}, []
  for name, workload in workloads.items():
    if not workload.in_quick:
      left_out.append(name)
      continue
    slow = [side for side in workload.sides if not sides[side].in_quick]
    left_out += [f"{name}: {sides[side].title}" for side in slow]
    comparisons = tuple(
      c
      for c in workload.comparisons
      if c.ours not in slow and c.other not in slow
    )
    kept[name] = dataclasses.replace(workload, comparisons=comparisons)
  return kept, left_out
