"""gymnax's CartPole-v1 and the timing, shared by the two JAX loops."""

import os
import time
from typing import NamedTuple

import gymnax
import jax
import jax.numpy as jnp

_TIME_LIMIT = 500
ENV, _DEFAULTS = gymnax.make("CartPole-v1")
# gymnax ends an episode alike at a time limit and at a termination, so the
# limit is kept here.
_PARAMS = _DEFAULTS.replace(max_steps_in_episode=2**30)


class Step(NamedTuple):
  """One step of E environments."""

  next_observations: jax.Array  # [4, E], the true last ones of episodes
  envs: gymnax.EnvState  # of [E], not yet reset
  rewards: jax.Array  # [E], as are the following
  terminated: jax.Array
  at_time_limit: jax.Array


def initial_envs(keys: jax.Array) -> gymnax.EnvState:
  """Random first states, [E] keys -> [E]."""
  return jax.vmap(lambda key: ENV.reset_env(key, _PARAMS)[1])(keys)


def initial_envs_of_steps(
  key: jax.Array, num_steps: int, num_envs: int
) -> gymnax.EnvState:
  """Random first states, [num_steps, num_envs]."""
  return jax.vmap(initial_envs)(jax.random.split(key, (num_steps, num_envs)))


def step(envs: gymnax.EnvState, actions: jax.Array) -> Step:
  """Steps every environment; actions are [E]."""
  # Not gymnax's `step`: that returns the observation after an automatic reset.
  next_observations, envs, rewards, terminated, _ = jax.vmap(
    lambda env, action: ENV.step_env(None, env, action, _PARAMS),
    out_axes=(1, 0, 0, 0, 0),
  )(envs, actions)
  at_time_limit = envs.time >= _TIME_LIMIT
  return Step(next_observations, envs, rewards, terminated, at_time_limit)


def after(stepped: Step, fresh: gymnax.EnvState, finished: jax.Array) -> dict:
  """The fields of a loop's state that follow a step: `envs` and `finished`.

  Where an episode has ended, the first state in `fresh` [E] follows. `finished`
  [2] counts the episodes that have ended, and their steps.
  """
  ended = stepped.terminated | stepped.at_time_limit
  steps = jnp.where(ended, stepped.envs.time, 0)
  return {
    "envs": jax.tree.map(
      lambda new, old: jnp.where(ended, new, old), fresh, stepped.envs
    ),
    "finished": finished + jnp.stack([jnp.sum(ended), jnp.sum(steps)]),
  }


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
