"""One of several learners on this machine, in a process of its own.

python learner_process.py RANK ADDRESSES NUM_ITERATIONS PATH
"""

import socket
import sys

import numpy as np
import psutil

EXPERIMENT = (
  "Experiment.agent = @A2cConfig()",
  "EnvironmentConfig.name = 'CartPole-v1'",
  "EnvironmentConfig.num_envs = 4",
  "A2cConfig.hidden_layers = (16,)",
  "A2cConfig.gradient_clip_global_norm = 0.5",  # of the mean: it always clips
  "TrainingConfig.num_env_steps = 1_000_000",
)


def trained(seeds, backend, num_iterations, together=None):
  """Weights, sums of the measures and counters after so many iterations."""
  import tensorflow as tf

  from agents_pipeline.agents import building
  from agents_pipeline.config import gin_files
  from agents_pipeline.training import learners

  experiment = gin_files.load_experiment(
    [],
    [
      *EXPERIMENT,
      f"EnvironmentConfig.backend = '{backend}'",
      f"TrainingConfig.num_learners = {seeds.num_learners}",
    ],
  )
  pipeline = building.build(
    experiment, seeds, together=together or learners.ALONE
  )
  before = [v.numpy() for v in pipeline.network.variables]
  totals = pipeline.compiled.train(tf.constant(num_iterations))
  after = [v.numpy() for v in pipeline.network.variables]
  ended = (together or learners.ALONE).gather(pipeline.statistics.ended())
  pipeline.close()
  flat = lambda arrays: np.concatenate([a.ravel() for a in arrays])
  return {
    "before": flat(before),
    "after": flat(after),
    "sums": totals.sums.numpy(),
    "env_steps": int(pipeline.statistics.env_steps),
    "ended": np.stack([column.astype(np.float64) for column in ended]),
  }


def _main(rank, addresses, num_iterations, path):
  from agents_pipeline import errors
  from agents_pipeline.config import seeding
  from agents_pipeline.training import episode_statistics, learners

  together = learners.connect(addresses, rank)
  found = {
    "num_learners": together.num_learners,
    "each": together.each([rank, 10 * rank]),
    "any": [together.any(rank == 1), together.any(False)],
    "least": together.least(7 - rank),
    "common": together.common([[30, 20, 10], [40, 20, 10]][rank]),
    "of_nothing": together.each([]),
    "nobody_has_any": together.common([]),
    "none_common": together.common([[], [5]][rank]),
  }
  ended = [
    ([8, 8, 24], [1.5, -2.0, 0.25], [1, 2, 3]),
    ([8, 16], [5.0, 6.0], [4, 5]),
  ][rank]
  types = (np.int64, np.float32, np.int64)
  gathered = together.gather(
    episode_statistics.Episodes(*map(np.array, ended, types))
  )
  found |= dict(zip(("at", "returns", "lengths"), gathered, strict=True))
  found["devices"] = [
    socket.socket(fileno=one.fd).getsockopt(
      socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16
    )
    for one in psutil.Process().net_connections("inet")
    if one.status == psutil.CONN_LISTEN
  ]
  seeds = seeding.Seeds(0, rank, together.num_learners)
  for backend in ("tensor", "gymnasium"):
    of_one = trained(seeds, backend, num_iterations, together)
    found |= {f"{backend}_{name}": value for name, value in of_one.items()}
  np.savez(path, **found)
  together.wait()
  if rank == 1:
    return  # and the other is told so
  try:
    while True:
      together.wait()
  except errors.LearnerLost as error:
    print(error, flush=True)


if __name__ == "__main__":
  _main(int(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3]), sys.argv[4])
