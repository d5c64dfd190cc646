"""An A2C written once in JAX over gymnax's CartPole, as one compiled loop.

It does what our own A2C and Stable-Baselines3's do, as lean as it was possible
to make it here, on the CPU. Times its rate when one of its choices is undone
(JAX 0.10.2, AVX-512, one thread; the rates of one choice vary by 0.02):

- One thread, `NPROC=1`. Two: 0.75.
- XLA's fusions into YNNPACK, its default. None: 0.89.
- Products as usually written, `x @ W`. The batch last, `W @ x`, which doubles
  the rate of the DQN beside it: 0.95.
- Values of next observations only where they are not the next step's own: at
  the end of a rollout, and at a truncation. Of all: 0.96.
- One fresh state per environment and rollout. One per step: 0.97.

No measurable difference: the rollout a loop or unrolled; one vector of all
gradients; `rsqrt`; products whose transposes are copies; XLA's flags for fast
math, the width of vectors and the scheduler. Two updates in the loop's body:
0.95.
"""

import functools
import itertools
from typing import NamedTuple

import gymnax
import jax
import jax.numpy as jnp

from benchmarks.peers import jax_cartpole, jax_loop

_PERIOD = 100  # train steps that random numbers are drawn for at once
# Fewer than the shortest episode has, so that at most one begins per rollout.
_NUM_STEPS = 5
_GAMMA = 0.99
_LEARNING_RATE = 7e-4
_DECAY = 0.99
_EPSILON = 1e-5
_MAX_GRADIENT_NORM = 0.5
_VALUE_COEFFICIENT = 0.5


class Layer(NamedTuple):
  """I inputs, O outputs."""

  kernel: jax.Array  # [I, O]
  bias: jax.Array  # [O]


class Weights(NamedTuple):
  """The weights of the two networks, or arrays of their shapes."""

  policy: list[Layer]
  value: list[Layer]


class State(NamedTuple):
  """All that changes; E environments."""

  weights: Weights
  mean_square: Weights  # RMSprop's, of the gradients
  envs: gymnax.EnvState  # of [E]
  key: jax.Array
  finished: jax.Array  # [2]: episodes, and their steps


class Rollout(NamedTuple):
  """T steps of E environments."""

  observations: jax.Array  # [T, 4, E]
  actions: jax.Array  # [T, E], as are the following
  rewards: jax.Array
  terminated: jax.Array
  truncated: jax.Array
  next_observations: jax.Array  # [T, 4, E], the true last ones


def _initial_layers(key: jax.Array, num_outputs: int) -> list[Layer]:
  sizes = [4, 64, 64, num_outputs]
  keys = jax.random.split(key, 3)
  return [
    Layer(jax.random.normal(key, (i, o)) / i**0.5, jnp.zeros(o))
    for key, (i, o) in zip(keys, itertools.pairwise(sizes), strict=True)
  ]


@functools.partial(jax.jit, static_argnums=1)
def _initial_state(key: jax.Array, num_envs: int) -> State:
  key, policy_key, value_key, env_key = jax.random.split(key, 4)
  weights = Weights(
    _initial_layers(policy_key, 2), _initial_layers(value_key, 1)
  )
  return State(
    weights=weights,
    mean_square=jax.tree.map(jnp.ones_like, weights),
    envs=jax_cartpole.initial_envs(jax.random.split(env_key, num_envs)),
    key=key,
    finished=jnp.zeros(2),
  )


def _outputs(layers: list[Layer], observations: jax.Array) -> jax.Array:
  """[4, B] -> [outputs, B]."""
  hidden = observations.T
  for layer in layers[:-1]:
    hidden = jnp.tanh(hidden @ layer.kernel + layer.bias)
  return (hidden @ layers[-1].kernel + layers[-1].bias).T


def _env_step(
  state: State, draws: jax.Array, fresh: gymnax.EnvState
) -> tuple[State, Rollout]:
  """One step of every environment, returned without T.

  Random `draws` are [E] in [0, 1); `fresh` are first states [E].
  """
  observations = jax_cartpole.ENV.get_obs(state.envs)  # [4, E]
  logits = _outputs(state.weights.policy, observations)
  actions = (draws < jax.nn.softmax(logits, 0)[1]).astype(jnp.int32)
  stepped = jax_cartpole.step(state.envs, actions)
  rollout = Rollout(
    observations,
    actions,
    stepped.rewards,
    stepped.terminated,
    ~stepped.terminated & stepped.at_time_limit,
    stepped.next_observations,
  )
  new = jax_cartpole.after(stepped, fresh, state.finished)
  return state._replace(**new), rollout


def _flat(observations: jax.Array) -> jax.Array:
  """[T, 4, E] -> [4, T * E]."""
  return jnp.moveaxis(observations, 1, 0).reshape(4, -1)


def _returns(
  value: list[Layer], rollout: Rollout, last_values: jax.Array
) -> jax.Array:
  """Discounted rewards, and the value where the rollout or episode stops.

  [T, E]; `last_values` are [E], of the observations after the rollout.
  """
  shape = rollout.rewards.shape
  next_values = jax.lax.cond(
    jnp.any(rollout.truncated),
    lambda: _outputs(value, _flat(rollout.next_observations)).reshape(shape),
    lambda: jnp.zeros(shape),
  )
  returns, following = [], last_values
  for t in reversed(range(_NUM_STEPS)):
    following = jnp.where(rollout.truncated[t], next_values[t], following)
    following = jnp.where(rollout.terminated[t], 0.0, following)
    following = rollout.rewards[t] + _GAMMA * following
    returns.append(following)
  return jnp.stack(returns[::-1])


def _loss(
  weights: Weights, rollout: Rollout, last_observations: jax.Array
) -> jax.Array:
  """The losses of the policy and of the value network, added."""
  observations = _flat(rollout.observations)
  actions = rollout.actions.reshape(-1)
  all_values = _outputs(
    weights.value, jnp.concatenate([observations, last_observations], axis=1)
  )[0]
  values = all_values[: len(actions)]
  returns = jax.lax.stop_gradient(
    _returns(weights.value, rollout, all_values[len(actions) :])
  ).reshape(-1)
  log_probs = jax.nn.log_softmax(_outputs(weights.policy, observations), axis=0)
  chosen = jnp.where(actions == 1, log_probs[1], log_probs[0])
  advantages = jax.lax.stop_gradient(returns - values)
  return _VALUE_COEFFICIENT * jnp.mean(jnp.square(returns - values)) - jnp.mean(
    advantages * chosen
  )


def _train_step(
  state: State, draws: jax.Array, fresh: gymnax.EnvState
) -> State:
  """A rollout, and one step of RMSprop on it.

  Random `draws` are [T, E] in [0, 1); `fresh` are first states [E].
  """
  take_step = lambda state, draws: _env_step(state, draws, fresh)
  state, rollout = jax.lax.scan(take_step, state, draws, unroll=True)
  gradients = jax.grad(_loss)(
    state.weights, rollout, jax_cartpole.ENV.get_obs(state.envs)
  )
  norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(gradients)))
  scale = _MAX_GRADIENT_NORM / jnp.maximum(norm, _MAX_GRADIENT_NORM)
  gradients = jax.tree.map(lambda g: g * scale, gradients)
  decay = lambda s, g: _DECAY * s + (1 - _DECAY) * g * g
  descend = lambda w, g, s: w - _LEARNING_RATE * g / jnp.sqrt(s + _EPSILON)
  mean_square = jax.tree.map(decay, state.mean_square, gradients)
  weights = jax.tree.map(descend, state.weights, gradients, mean_square)
  return state._replace(weights=weights, mean_square=mean_square)


def _period(state: State) -> State:
  """100 train steps."""
  key, draws_key, envs_key = jax.random.split(state.key, 3)
  num_envs = len(state.envs.time)
  draws = jax.random.uniform(draws_key, (_PERIOD, _NUM_STEPS, num_envs))
  fresh = jax_cartpole.initial_envs_of_steps(envs_key, _PERIOD, num_envs)
  return jax.lax.scan(
    lambda state, inputs: (_train_step(state, *inputs), None),
    state._replace(key=key),
    (draws, fresh),
  )[0]


# The number of periods is not static, or each would be a compilation.
@functools.partial(jax.jit, donate_argnums=0)
def _periods(state: State, num_periods: int) -> State:
  return jax.lax.fori_loop(0, num_periods, lambda _, s: _period(s), state)


class JaxA2c(jax_loop.CompiledLoop):
  """1 train step per 5 steps of each environment."""

  def __init__(self, *, num_envs: int = 16, device: str = "cpu"):
    """Compiles; the arguments are those of `JaxDqn`."""
    self._num_envs = num_envs
    super().__init__(num_envs * _NUM_STEPS * _PERIOD, device)

  def _initial_state(self) -> State:
    return _initial_state(jax.random.key(0), self._num_envs)

  def _run_periods(self, state: State, num_periods: int) -> State:
    return _periods(state, num_periods)
