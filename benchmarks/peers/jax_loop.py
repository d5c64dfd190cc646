"""How the JAX loops are compiled and timed."""

import os
import time

import jax
import jax.numpy as jnp


class CompiledLoop:
  """A loop that runs whole periods as one program.

  Subclasses have `_initial_state()`, a NamedTuple with `envs` and `finished`,
  and `_run_periods(state, num_periods)`, the state after them.

  Attributes:
    mean_return: the mean return of the episodes that ended in the latest run.
  """

  def __init__(self, env_steps_per_period: int, device: str):
    # XLA's threads, and its device. Settings of the whole process: they hold if
    # nothing has used JAX before.
    os.environ["NPROC"] = "1"
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    jax.config.update("jax_platforms", {"cpu": "cpu", "gpu": "cuda"}[device])
    self._env_steps_per_period = env_steps_per_period
    self._state = self._initial_state()
    self.run(1)  # compiles

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second; rounds up to whole periods."""
    num_periods = -(-num_env_steps // self._env_steps_per_period)
    state = jax.block_until_ready(self._state._replace(finished=jnp.zeros(2)))
    start = time.perf_counter()
    self._state = jax.block_until_ready(self._run_periods(state, num_periods))
    seconds = time.perf_counter() - start
    num_episodes, num_steps = self._state.finished
    self.mean_return = float(num_steps / jnp.maximum(num_episodes, 1.0))
    return num_periods * self._env_steps_per_period / seconds
