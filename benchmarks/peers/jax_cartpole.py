"""gymnax's CartPole-v1, shared by two of the JAX loops."""

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
