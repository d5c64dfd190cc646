"""What `make bench DEVICE=gpu` measures: beside JAX and Stable-Baselines3 on
the same GPU, and beside the CPU of the same machine."""

from collections.abc import Mapping

from benchmarks.processes import Side
from benchmarks.workloads import (
  BY_POLICY,
  OURS,
  OVERLAPPED,
  Comparison,
  Workload,
)

_A2C_NUM_ENVS = (1_024, 16_384, 65_536)
_DQN_NUM_ENVS = (1, 1_024)
_ATARI_NUM_ENVS = (8, 32)


def _cartpole(
  loop: str,
  jax_loop: str,
  num_envs: int,
  *,
  multiple: int,
  jax_multiple: int,
  **options,
) -> dict[str, Side]:
  """The tensor CartPole: ours on either device, and JAX's on the GPU.

  Args:
    loop: the name of a class of `benchmarks/our_loop.py`.
    jax_loop: the 'module:Class' of `benchmarks/peers/`.
    num_envs: the number of environments.
    multiple: the env steps that our side runs multiples of.
    jax_multiple: the env steps that JAX's side runs multiples of.
    **options: further options of our loop.
  """
  ours = {
    device: Side(
      f"{OURS}, {device.upper()}",
      f"benchmarks.our_loop:{loop}",
      ("tensor",),
      {"num_envs": num_envs, "device": device, **options},
      multiple=multiple,
      in_quick=device == "gpu",
    )
    for device in ("gpu", "cpu")
  }
  return ours | {
    "jax": Side(
      "one compiled JAX scan",
      f"benchmarks.peers.{jax_loop}",
      options={"num_envs": num_envs, "device": "gpu"},
      multiple=jax_multiple,
    )
  }


def _a2c(num_envs: int) -> dict[str, Side]:
  batch = 5 * num_envs
  return _cartpole(
    "A2cLoop",
    "jax_a2c:JaxA2c",
    num_envs,
    multiple=batch,
    jax_multiple=100 * batch,
  )


def _dqn(num_envs: int) -> dict[str, Side]:
  return _cartpole(
    "DqnLoop",
    "jax_dqn:JaxDqn",
    num_envs,
    multiple=num_envs,
    jax_multiple=100 * num_envs,
    num_train_steps=1,
  )


def _atari(num_envs: int) -> dict[str, Side]:
  """DQN on Pong: ours, and Stable-Baselines3's on the GPU."""
  bindings = (
    BY_POLICY,
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
      ("overlapped_gpu", ", overlapped", "train", "gpu", (OVERLAPPED,)),
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
  return ours | peers


_OVER_JAX = (("gpu", "jax", 1.0), ("gpu", "cpu", None))
_OVER_SB3 = (
  ("overlapped_gpu", "sb3", 5),
  ("overlapped_gpu", "sb3_processes", 5),
  ("train_gpu", "sb3_processes", None),
  ("train_gpu", "train_cpu", None),
  ("collect_gpu", "sb3_processes", None),
)
# Name -> title, its sides by the ends of their names, comparisons, whether
# `--quick` measures it.
_ALL: Mapping[str, tuple[str, dict[str, Side], tuple, bool]] = (
  {
    f"a2c_{n}": (
      f"A2C, tensor CartPole: {n:,} environments, 5 steps of each per update",
      _a2c(n),
      _OVER_JAX,
      n != 16_384,
    )
    for n in _A2C_NUM_ENVS
  }
  | {
    f"dqn_{n}": (
      f"DQN, tensor CartPole: {n:,} x 1 env step, then 1 update of batch 64",
      _dqn(n),
      _OVER_JAX,
      True,
    )
    for n in _DQN_NUM_ENVS
  }
  | {
    f"atari_{n}": (
      f"DQN on Atari's Pong: {n} environments, 1 update of 32 per 4 env steps",
      _atari(n),
      _OVER_SB3,
      False,
    )
    for n in _ATARI_NUM_ENVS
  }
)

SIDES: Mapping[str, Side] = {
  f"{name}_{end}": side
  for name, (_, sides, _, _) in _ALL.items()
  for end, side in sides.items()
}
WORKLOADS: Mapping[str, Workload] = {
  name: Workload(
    title,
    tuple(
      Comparison(f"{name}_{ours}", f"{name}_{other}", wanted)
      for ours, other, wanted in comparisons
    ),
    in_quick,
  )
  for name, (title, _, comparisons, in_quick) in _ALL.items()
}
