"""The sides that `make bench` knows: what each is, and which process has it.

Each library has a process of its own. Each of ours has one, too: how many
threads TensorFlow and XLA use is a setting of a whole process. The name of a
worker is the name of a process.

All of them count in env steps, over all environments. Where an iteration is one
env step and one update, that is iterations too.
"""

import dataclasses
from collections.abc import Iterable, Mapping

from benchmarks import worker_pool

_ALONE = "alone"  # in a process of its own
_VECTOR = "EnvironmentConfig.vectorization = 'vector_entry_point'"
_PREFETCHED = "ReplayConfig.num_prefetched_batches = 2"
_OVERLAPPED = "DqnConfig.learns_while_stepping = True"
BY_POLICY = "DqnConfig.num_random_env_steps = 0"
_AT_RANDOM = "DqnConfig.num_random_env_steps = 1_000_000_000"


@dataclasses.dataclass(frozen=True)
class Side:
  """One of those compared.

  Attributes:
    title: for tables.
    blueprint: how a worker makes it. Its `run` takes env steps and returns env
      steps per second.
    multiple: what it runs is a multiple of so many env steps.
    in_quick: whether `--quick` has it.
  """

  title: str
  blueprint: worker_pool.Blueprint
  multiple: int = 1
  in_quick: bool = True


def side(
  title: str,
  worker: str,
  target: str,
  *arguments,
  multiple: int = 1,
  in_quick: bool = True,
  **options,
) -> Side:
  made = worker_pool.Blueprint(
    worker, f"benchmarks.{target}", arguments, options
  )
  return Side(title, made, multiple, in_quick)


def _ours_dqn(title: str, *arguments, num_envs: int = 1, **options) -> Side:
  return side(
    title,
    _ALONE,
    "our_loop:DqnLoop",
    *arguments,
    num_envs=num_envs,
    multiple=num_envs,
    **options,
  )


def _ours_a2c(title: str, *arguments, **options) -> Side:
  return side(
    title,
    _ALONE,
    "our_loop:A2cLoop",
    *arguments,
    multiple=80,
    **options,
  )


OURS = "this pipeline"

_SIDES: Mapping[str, Side] = {
  # Ours.
  "dqn_tensor": _ours_dqn(OURS, "tensor"),
  "dqn_host": _ours_dqn(OURS, "gymnasium"),
  "dqn_host_prefetched": _ours_dqn(
    f"{OURS}, sampling ahead", "gymnasium", _PREFETCHED, in_quick=False
  ),
  "dqn_host_overlapped": _ours_dqn(
    f"{OURS}, overlapped", "gymnasium", _OVERLAPPED, in_quick=False
  ),
  "dqn_host_8": _ours_dqn(OURS, "gymnasium", num_envs=8),
  "dqn_host_8_overlapped": _ours_dqn(
    f"{OURS}, overlapped",
    "gymnasium",
    _OVERLAPPED,
    num_envs=8,
    in_quick=False,
  ),
  "dqn_host_8_vector": _ours_dqn(
    f"{OURS}, vector CartPole",
    "gymnasium",
    _VECTOR,
    num_envs=8,
    in_quick=False,
  ),
  "a2c_tensor": _ours_a2c(OURS, "tensor"),
  "a2c_host": _ours_a2c(OURS, "gymnasium"),
  "a2c_host_vector": _ours_a2c(
    f"{OURS}, vector CartPole", "gymnasium", _VECTOR, in_quick=False
  ),
  # Peers.
  "textbook": side(
    "textbook TF-Agents loop",
    "textbook",
    "peers.textbook:TextbookLoop",
    num_initial_steps=200,
  ),
  "sb3_dqn": side(
    "Stable-Baselines3",
    "stable_baselines",
    "peers.stable_baselines:StableBaselinesDqn",
    1,
    1,
  ),
  "sb3_dqn_8": side(
    "Stable-Baselines3",
    "stable_baselines",
    "peers.stable_baselines:StableBaselinesDqn",
    8,
    8,
    multiple=8,
  ),
  "sb3_a2c": side(
    "Stable-Baselines3",
    "stable_baselines",
    "peers.stable_baselines:StableBaselinesA2c",
    multiple=80,
  ),
  "sbx_dqn": side("SBX", "sbx", "peers.sbx_dqn:SbxDqn", in_quick=False),
  "jax_dqn": side(
    "one compiled JAX scan", "jax", "peers.jax_dqn:JaxDqn", multiple=100
  ),
  "jax_dqn_usual": side(
    "the same as usually written",
    "jax",
    "peers.jax_dqn:JaxDqn",
    batch_last=False,
    multiple=100,
  ),
  "jax_a2c": side(
    "one compiled JAX scan", "jax", "peers.jax_a2c:JaxA2c", multiple=8_000
  ),
  # Floors.
  "numpy_dqn": side(
    "NumPy's products alone", "floors", "peers.numpy_products:Dqn", True
  ),
  "numpy_a2c": side(
    "NumPy's products alone",
    "floors",
    "peers.numpy_products:A2c",
    True,
    multiple=80,
  ),
  "bare": side(
    "gymnasium's CartPole alone",
    "floors",
    "peers.bare_environment:Bare",
    1,
    in_quick=False,
  ),
  "bare_16": side(
    "gymnasium's CartPole alone",
    "floors",
    "peers.bare_environment:Bare",
    16,
    multiple=16,
    in_quick=False,
  ),
  # Atari.
  "atari_bare": side(
    "ale-py alone", "atari_bare", "atari:BareEnvironment", multiple=8
  ),
  "atari_by_policy": side(
    "collection by the policy",
    "atari",
    "atari:Collection",
    "collect",
    BY_POLICY,
    multiple=8,
  ),
  "atari_at_random": side(
    "collection, random actions",
    "atari",
    "atari:Collection",
    "collect",
    _AT_RANDOM,
    multiple=8,
  ),
  "atari_train": side(
    "collection and learning",
    "atari",
    "atari:Collection",
    "train",
    BY_POLICY,
    multiple=8,
  ),
  "atari_train_overlapped": side(
    "the same, overlapped",
    "atari",
    "atari:Collection",
    "train",
    BY_POLICY,
    _OVERLAPPED,
    multiple=8,
  ),
}


def _named(name: str, side: Side) -> Side:
  """A side whose worker, if it has one of its own, is named like the side."""
  if side.blueprint.worker != _ALONE:
    return side
  made = dataclasses.replace(side.blueprint, worker=f"ours_{name}")
  return dataclasses.replace(side, blueprint=made)


SIDES: Mapping[str, Side] = {
  name: _named(name, side) for name, side in _SIDES.items()
}


def blueprints(
  names: Iterable[str], sides: Mapping[str, Side]
) -> dict[str, worker_pool.Blueprint]:
  """Of some of the sides, by name."""
  return {name: sides[name].blueprint for name in names}
