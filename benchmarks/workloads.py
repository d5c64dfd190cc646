"""What `make bench` measures: workloads, the sides that do each, the targets.

All sides count env steps, over all environments. Where an iteration is one env
step and one update, these are iterations too.
"""

import dataclasses
from collections.abc import Mapping

from benchmarks.processes import Side

MAX_SECONDS_TO_START = 12.0


@dataclasses.dataclass(frozen=True)
class Comparison:
  """A ratio of two sides' rates.

  Attributes:
    ours: name of the side in the numerator.
    other: the name of that in the denominator.
    wanted: the least ratio that is wanted; None where there is no target.
  """

  ours: str
  other: str
  wanted: float | None = None


@dataclasses.dataclass(frozen=True)
class Workload:
  """The same work, done by several sides.

  Attributes:
    title: one line.
    comparisons: the comparisons of its sides.
    in_quick: whether `--quick` measures it.
  """

  title: str
  comparisons: tuple[Comparison, ...]
  in_quick: bool = True

  @property
  def sides(self) -> list[str]:
    """Names of its sides, in the order of their turns."""
    ours = [c.ours for c in self.comparisons]
    return list(dict.fromkeys(ours + [c.other for c in self.comparisons]))


OURS = "this pipeline"
_FLOOR = "NumPy's products alone"
_BARE = "gymnasium's CartPole alone"
_VECTOR = "EnvironmentConfig.vectorization = 'vector_entry_point'"
_PREFETCHED = "ReplayConfig.num_prefetched_batches = 2"
_OVERLAPPED = "DqnConfig.learns_while_stepping = True"
_BY_POLICY = "DqnConfig.num_random_env_steps = 0"
_AT_RANDOM = "DqnConfig.num_random_env_steps = 1_000_000_000"


# Each of ours has its own process: how many threads TensorFlow and XLA use is a
# setting of a whole process, and depends on the sizes.
def _dqn(*arguments: str, title: str = "", num_envs: int = 1) -> Side:
  """A side of ours; those with a title of their own are not in `--quick`."""
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
  "dqn_host_overlapped": _dqn("gymnasium", _OVERLAPPED, title=", overlapped"),
  "dqn_host_8": _dqn("gymnasium", num_envs=8),
  "dqn_host_8_overlapped": _dqn(
    "gymnasium", _OVERLAPPED, title=", overlapped", num_envs=8
  ),
  "dqn_host_8_vector": _dqn(
    "gymnasium", _VECTOR, title=", vector CartPole", num_envs=8
  ),
  "a2c_tensor": _a2c("tensor"),
  "a2c_host": _a2c("gymnasium"),
  "a2c_host_vector": _a2c("gymnasium", _VECTOR, title=", vector CartPole"),
  "atari_by_policy": _atari("collection by the policy", "collect", _BY_POLICY),
  "atari_at_random": _atari(
    "collection, random actions", "collect", _AT_RANDOM
  ),
  "atari_train": _atari("collection and learning", "train", _BY_POLICY),
  "atari_train_overlapped": _atari(
    "the same, overlapped", "train", _BY_POLICY, _OVERLAPPED
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
}

# Of `make bench-check`: fast, and against what needs no other library.
CHECKED: Mapping[str, Comparison] = {
  name: comparison
  for name, work in WORKLOADS.items()
  for comparison in work.comparisons
  if comparison.other in ("numpy_dqn", "numpy_a2c", "bare", "bare_16")
}

# Of `make bench DEVICE=gpu`: beside JAX and Stable-Baselines3 on the same GPU,
# and the same call on the CPU.
_A2C_NUM_ENVS = (1_024, 16_384, 65_536)
_DQN_NUM_ENVS = (1, 1_024)
_ATARI_NUM_ENVS = (8, 32)


def _on(device: str, loop: str, num_envs: int, multiple: int, **fields) -> Side:
  """A tensor CartPole of ours on a device; DQN does one update per step."""
  options = {"num_envs": num_envs, "device": device}
  if loop == "DqnLoop":
    options["num_train_steps"] = 1
  return Side(
    f"{OURS}, {device.upper()}",
    f"benchmarks.our_loop:{loop}",
    ("tensor",),
    options,
    multiple=multiple,
    **fields,
  )


def _jax_on_gpu(loop: str, num_envs: int, multiple: int) -> Side:
  return Side(
    "one compiled JAX scan",
    f"benchmarks.peers.{loop}",
    options={"num_envs": num_envs, "device": "gpu"},
    multiple=multiple,
  )


def _atari_on_gpu(num_envs: int) -> dict[str, Side]:
  """DQN on Pong, one update of 32 per 4 env steps, and its peers."""
  bindings = (
    _BY_POLICY,
    f"EnvironmentConfig.num_envs = {num_envs}",
    f"DqnConfig.num_train_steps_per_iteration = {num_envs // 4}",
  )
  ours = {
    name: Side(
      f"{OURS}{title}, {device.upper()}",
      "benchmarks.our_loop:AtariLoop",
      (call, *bindings, *more),
      {"device": device},
      multiple=num_envs,
    )
    for name, title, call, device, more in (
      ("collect_gpu", ", collection alone", "collect", "gpu", ()),
      ("train_gpu", "", "train", "gpu", ()),
      ("overlapped_gpu", ", overlapped", "train", "gpu", (_OVERLAPPED,)),
      ("train_cpu", "", "train", "cpu", ()),
    )
  }
  peers = {
    name: Side(
      title,
      "benchmarks.peers.stable_baselines:AtariDqn",
      options={"num_envs": num_envs, "in_processes": in_processes},
      multiple=num_envs,
    )
    for name, title, in_processes in (
      ("sb3", "Stable-Baselines3, one process", False),
      ("sb3_processes", "Stable-Baselines3, a process each", True),
    )
  }
  sides = ours | peers
  return {f"atari_{num_envs}_{name}": side for name, side in sides.items()}


GPU_SIDES: dict[str, Side] = {}
GPU_WORKLOADS: dict[str, Workload] = {}
for _n in _A2C_NUM_ENVS:
  GPU_SIDES |= {
    f"a2c_{_n}_gpu": _on("gpu", "A2cLoop", _n, 5 * _n),
    f"a2c_{_n}_jax": _jax_on_gpu("jax_a2c:JaxA2c", _n, 500 * _n),
    f"a2c_{_n}_cpu": _on("cpu", "A2cLoop", _n, 5 * _n, in_quick=False),
  }
  GPU_WORKLOADS[f"a2c_{_n}"] = Workload(
    f"A2C, tensor CartPole: {_n:,} environments, 5 steps of each per update",
    (
      Comparison(f"a2c_{_n}_gpu", f"a2c_{_n}_jax", 1.0),
      Comparison(f"a2c_{_n}_gpu", f"a2c_{_n}_cpu"),
    ),
    in_quick=_n in (_A2C_NUM_ENVS[0], _A2C_NUM_ENVS[-1]),
  )
for _n in _DQN_NUM_ENVS:
  GPU_SIDES |= {
    f"dqn_{_n}_gpu": _on("gpu", "DqnLoop", _n, _n),
    f"dqn_{_n}_jax": _jax_on_gpu("jax_dqn:JaxDqn", _n, 100 * _n),
    f"dqn_{_n}_cpu": _on("cpu", "DqnLoop", _n, _n, in_quick=False),
  }
  GPU_WORKLOADS[f"dqn_{_n}"] = Workload(
    f"DQN, tensor CartPole: {_n:,} x 1 env step, then 1 update of batch 64",
    (
      Comparison(f"dqn_{_n}_gpu", f"dqn_{_n}_jax", 1.0),
      Comparison(f"dqn_{_n}_gpu", f"dqn_{_n}_cpu"),
    ),
  )
for _n in _ATARI_NUM_ENVS:
  GPU_SIDES |= _atari_on_gpu(_n)
  GPU_WORKLOADS[f"atari_{_n}"] = Workload(
    f"DQN on Atari's Pong: {_n} environments, 1 update of 32 per 4 env steps",
    (
      Comparison(f"atari_{_n}_overlapped_gpu", f"atari_{_n}_sb3", 5),
      Comparison(f"atari_{_n}_overlapped_gpu", f"atari_{_n}_sb3_processes", 5),
      Comparison(f"atari_{_n}_train_gpu", f"atari_{_n}_sb3_processes"),
      Comparison(f"atari_{_n}_train_gpu", f"atari_{_n}_train_cpu"),
      Comparison(f"atari_{_n}_collect_gpu", f"atari_{_n}_sb3_processes"),
    ),
    in_quick=False,
  )


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
