"""What `make bench DEVICE=gpu` compares: the same call on GPU and CPU.

Each side has a process of its own: how many threads TensorFlow and XLA use is a
setting of a whole process, and goes by the sizes.
"""

from collections.abc import Mapping

from benchmarks import rows, sides

_NUM_ENVS = (1_024, 4_096, 16_384, 65_536)


def _device_sides(num_envs: int) -> dict[str, sides.Side]:
  return {
    f"a2c_{num_envs}_{device}": sides.side(
      device.upper(),
      f"{device}_{num_envs}",
      "our_loop:A2cLoop",
      "tensor",
      num_envs=num_envs,
      device=device,
      multiple=5 * num_envs,
    )
    for device in ("gpu", "cpu")
  }


SIDES: Mapping[str, sides.Side] = {
  **{name: side for n in _NUM_ENVS for name, side in _device_sides(n).items()},
  **{
    f"atari_train_{device}": sides.side(
      device.upper(),
      f"{device}_pixels",
      "atari:Collection",
      "train",
      sides.BY_POLICY,
      device=device,
      multiple=8,
    )
    for device in ("gpu", "cpu")
  },
}
WORKS: Mapping[str, rows.Work] = {
  **{
    f"a2c_{n}": rows.Work(
      f"A2C, tensor CartPole: {n:,} environments, 5 steps of each per update",
      (rows.Comparison(f"a2c_{n}_gpu", f"a2c_{n}_cpu"),),
      in_quick=n in (_NUM_ENVS[0], _NUM_ENVS[-1]),
    )
    for n in _NUM_ENVS
  },
  "atari_train": rows.Work(
    "DQN on Atari's Pong: 8 environments, 2 updates of batch 32 per 8 steps",
    (rows.Comparison("atari_train_gpu", "atari_train_cpu"),),
  ),
}
