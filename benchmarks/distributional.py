"""What learning distributions of returns costs: C51 and QR-DQN beside DQN.

python -m benchmarks.distributional [--num_turns=15]

One loop of each, of the same layers and batches on tensor CartPole, in
alternation in one process: what is printed are iterations per second, and the
median of the ratios of a turn's time to that of DQN in the same round. An
iteration is an env step and an update of batch 64.
"""

import time

import numpy as np
from absl import app, flags

from agents_pipeline.agents import building
from agents_pipeline.config import gin_files, seeding

_NUM_ITERATIONS = 500  # of each turn
_TURNS = flags.DEFINE_integer("num_turns", 15, "Of each agent.", lower_bound=1)

# Of each side: the class of the agent, and what is bound besides.
SIDES = {
  "DQN": ("DqnConfig", ()),
  "C51, 51 atoms": (
    "C51Config",
    ("C51Config.v_min = 0", "C51Config.v_max = 100"),
  ),
  "QR-DQN, 51 quantiles": ("QrDqnConfig", ("QrDqnConfig.num_quantiles = 51",)),
  "QR-DQN, 200 quantiles": ("QrDqnConfig", ()),
}


def _make_loop(agent: str, bindings: tuple[str, ...]):
  """Compiles; returns a function of a turn, which returns its seconds."""
  import tensorflow as tf  # after agents_pipeline, which chooses its Keras

  experiment = gin_files.load_experiment(
    [],
    [
      f"Experiment.agent = @{agent}()",
      "EnvironmentConfig.name = 'CartPole-v1'",
      "TrainingConfig.num_env_steps = 1_000_000",
      f"{agent}.hidden_layers = (100,)",
      f"{agent}.target_update_period_train_steps = 100",
      *bindings,
    ],
  )
  pipeline = building.build(experiment, seeding.Seeds(0))
  pipeline.compiled.collect(tf.constant(1_000))

  def turn() -> float:
    start = time.perf_counter()
    totals = pipeline.compiled.train(tf.constant(_NUM_ITERATIONS))
    assert int(totals.num_train_steps) == _NUM_ITERATIONS  # waits for it
    return time.perf_counter() - start

  turn()  # compiles
  return turn


def main(argv) -> None:
  """Prints rates, and the median ratios to DQN."""
  del argv
  turns = {name: _make_loop(*side) for name, side in SIDES.items()}
  rounds = [[turn() for turn in turns.values()] for _ in range(_TURNS.value)]
  seconds = np.array(rounds)  # [rounds, sides]
  ratios = seconds / seconds[:, :1]
  for i, name in enumerate(turns):
    of_side = ratios[:, i]
    print(
      f"{name:22} {_NUM_ITERATIONS / np.median(seconds[:, i]):8,.0f} "
      f"iterations/s, {np.median(of_side):.2f} times as long as DQN "
      f"({of_side.min():.2f} to {of_side.max():.2f})"
    )


if __name__ == "__main__":
  app.run(main)
