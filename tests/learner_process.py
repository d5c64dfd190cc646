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


def trained(seeds, backend, num_iterations, all_learners=None):
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
    experiment, seeds, all_learners=all_learners or learners.ALONE
  )
  before = [v.numpy() for v in pipeline.network.variables]
  totals = pipeline.compiled.train(tf.constant(num_iterations))
  after = [v.numpy() for v in pipeline.network.variables]
  ended = (all_learners or learners.ALONE).gather(pipeline.statistics.ended())
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

  all_learners = learners.connect(addresses, rank)
  found = {
    "num_learners": all_learners.num_learners,
    "all_gather": all_learners.all_gather([rank, 10 * rank]),
    "any": [all_learners.any(rank == 1), all_learners.any(False)],
    "least": all_learners.least(7 - rank),
    "common": all_learners.common([[30, 20, 10], [40, 20, 10]][rank]),
    "of_nothing": all_learners.all_gather([]),
    "nobody_has_any": all_learners.common([]),
    "none_common": all_learners.common([[], [5]][rank]),
  }
  ended = [
    ([8, 8, 24], [1.5, -2.0, 0.25], [1, 2, 3]),
    ([8, 16], [5.0, 6.0], [4, 5]),
  ][rank]
  types = (np.int64, np.float32, np.int64)
  gathered = all_learners.gather(
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
  seeds = seeding.Seeds(0, rank, all_learners.num_learners)
  for backend in ("tensor", "gymnasium"):
    of_one = trained(seeds, backend, num_iterations, all_learners)
    found |= {f"{backend}_{name}": value for name, value in of_one.items()}
  np.savez(path, **found)
  all_learners.barrier()
  if rank == 1:
    return  # and the other is told so
  try:
    while True:
      all_learners.barrier()
  except errors.LearnerLost as error:
    print(error, flush=True)


if __name__ == "__main__":
  _main(int(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3]), sys.argv[4])
