"""DQN in JAX on gymnax's MinAtar Breakout, as one compiled loop.

The network, the settings and the numbers of configs/dqn_minatar_breakout.gin:
16 filters of 3 x 3, 128 units, one update per frame. What remains different:
gymnax has no sticky actions, ends an episode after 1,000 frames, and draws
nothing but the side on which the ball begins. A transition is a row of one
table of bytes, with both of its pictures, where ours are kept once: with a
table for each field, XLA fuses the write of a row with the read of a batch, and
copies the tables in every iteration.

Written to be lean: products of patches and kernel, as ours. With JAX's own
convolution, `conv_general_dilated`: `by_products=False`.
"""

import functools
from typing import NamedTuple

import gymnax
import jax
import jax.numpy as jnp

from benchmarks.peers import jax_loop

ENV, _PARAMS = gymnax.make("Breakout-MinAtar")
_NUM_ACTIONS = ENV.num_actions
_SIDE, _CHANNELS, _FILTERS, _KERNEL, _UNITS = 10, 4, 16, 3, 128
_OUT = _SIDE - _KERNEL + 1
_PIXELS = _SIDE**2 * _CHANNELS
_CAPACITY = 100_000
_TARGET_UPDATE_PERIOD = 1_000  # train steps
_GAMMA, _EPSILON = 0.99, 0.1
_LEARNING_RATE, _DECAY, _ADDED = 2.5e-4, 0.95, 1e-4
_NUM_INITIAL_PERIODS = 1  # before the first train step


class Weights(NamedTuple):
  """The weights of the Q-network, or arrays of their shapes."""

  conv: jax.Array  # [36, 16], of patches [3, 3, 4]
  conv_bias: jax.Array  # [16]
  hidden: jax.Array  # [1024, 128]
  hidden_bias: jax.Array  # [128]
  head: jax.Array  # [128, 3]
  head_bias: jax.Array  # [3]


class State(NamedTuple):
  """All that changes."""

  weights: Weights
  mean: Weights  # RMSProp's, of the gradients
  mean_square: Weights
  table: jax.Array  # [capacity, 803] uint8, a ring: see _env_step
  num_rows: jax.Array  # ever written
  env: gymnax.EnvState
  key: jax.Array
  episode_return: jax.Array  # []
  finished: jax.Array  # [2]: episodes, and their returns


@jax.jit
def _initial_state(key: jax.Array) -> State:
  key, env_key, *keys = jax.random.split(key, 8)
  shapes = [
    (_KERNEL**2 * _CHANNELS, _FILTERS),
    (_FILTERS,),
    (_OUT**2 * _FILTERS, _UNITS),
    (_UNITS,),
    (_UNITS, _NUM_ACTIONS),
    (_NUM_ACTIONS,),
  ]
  limits = [shape[0] ** -0.5 for shape in shapes[::2] for _ in range(2)]
  weights = Weights(
    *(
      jax.random.uniform(key, shape, minval=-limit, maxval=limit)
      for key, shape, limit in zip(keys, shapes, limits, strict=True)
    )
  )
  zeros = jax.tree.map(jnp.zeros_like, weights)
  return State(
    weights=weights,
    mean=zeros,
    mean_square=zeros,
    table=jnp.zeros((_CAPACITY, 2 * _PIXELS + 3), jnp.uint8),
    num_rows=jnp.int32(0),
    env=ENV.reset_env(env_key, _PARAMS)[1],
    key=key,
    episode_return=jnp.float32(0),
    finished=jnp.zeros(2),
  )


def _q_values(
  weights: Weights, picture: jax.Array, by_products: bool
) -> jax.Array:
  """[N, 10, 10, 4] -> [N, A]."""
  x = picture.astype(jnp.float32)
  if by_products:
    slices = [
      x[:, i : i + _OUT, j : j + _OUT]
      for i in range(_KERNEL)
      for j in range(_KERNEL)
    ]
    x = jnp.concatenate(slices, axis=-1) @ weights.conv  # [N, 8, 8, 16]
  else:
    kernel = weights.conv.reshape(_KERNEL, _KERNEL, _CHANNELS, _FILTERS)
    x = jax.lax.conv_general_dilated(
      x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
  x = jax.nn.relu(x + weights.conv_bias).reshape(len(x), -1)
  x = jax.nn.relu(x @ weights.hidden + weights.hidden_bias)
  return x @ weights.head + weights.head_bias


def _env_step(state: State, key: jax.Array, by_products: bool) -> State:
  """A step of the environment, and its row into the table."""
  explore_key, action_key, reset_key = jax.random.split(key, 3)
  picture = ENV.get_obs(state.env)
  greedy = jnp.argmax(_q_values(state.weights, picture[None], by_products)[0])
  random = jax.random.randint(action_key, (), 0, _NUM_ACTIONS)
  explores = jax.random.uniform(explore_key) < _EPSILON
  action = jnp.where(explores, random, greedy).astype(jnp.int32)
  next_picture, env, reward, ended, _ = ENV.step_env(
    key, state.env, action, _PARAMS
  )
  row = jnp.concatenate(
    [
      picture.ravel(),
      next_picture.ravel(),
      jnp.stack([action, reward, 1 - ended]),
    ]
  ).astype(jnp.uint8)
  place = state.num_rows % _CAPACITY
  fresh = ENV.reset_env(reset_key, _PARAMS)[1]
  episode_return = state.episode_return + reward
  return state._replace(
    table=jax.lax.dynamic_update_slice(state.table, row[None], (place, 0)),
    num_rows=state.num_rows + 1,
    env=jax.tree.map(lambda a, b: jnp.where(ended, a, b), fresh, env),
    episode_return=jnp.where(ended, 0.0, episode_return),
    finished=state.finished
    + jnp.stack([ended, jnp.where(ended, episode_return, 0.0)]),
  )


def _loss(
  weights: Weights, target: Weights, rows: jax.Array, by_products: bool
) -> jax.Array:
  """The mean Huber loss of the TD errors of [N, 803]."""
  pictures = rows[:, : 2 * _PIXELS].reshape(-1, 2, _SIDE, _SIDE, _CHANNELS)
  action, reward, discount = rows[:, 2 * _PIXELS :].astype(jnp.int32).T
  next_q = _q_values(target, pictures[:, 1], by_products)
  q = _q_values(weights, pictures[:, 0], by_products)
  chosen = jnp.take_along_axis(q, action[:, None], 1)[:, 0]
  error = reward + _GAMMA * discount * next_q.max(1) - chosen
  size = jnp.abs(error)
  return jnp.mean(jnp.where(size <= 1, 0.5 * size**2, size - 0.5))


def _train_step(
  state: State,
  target: Weights,
  key: jax.Array,
  batch_size: int,
  by_products: bool,
) -> State:
  """One step of centered RMSProp on a batch."""
  num_rows = jnp.minimum(state.num_rows, _CAPACITY)
  chosen = jax.random.randint(key, (batch_size,), 0, num_rows)
  rows = state.table.at[chosen].get(mode="promise_in_bounds")
  gradients = jax.grad(_loss)(state.weights, target, rows, by_products)
  decay = lambda old, new: _DECAY * old + (1 - _DECAY) * new
  mean = jax.tree.map(decay, state.mean, gradients)
  squares = jax.tree.map(jnp.square, gradients)
  mean_square = jax.tree.map(decay, state.mean_square, squares)
  weights = jax.tree.map(
    lambda w, g, m, s: w - _LEARNING_RATE * g / jnp.sqrt(s - m * m + _ADDED),
    state.weights,
    gradients,
    mean,
    mean_square,
  )
  return state._replace(weights=weights, mean=mean, mean_square=mean_square)


def _target_period(
  state: State, batch_size: int, by_products: bool, train: bool
) -> State:
  """The iterations between two copies into the target network."""
  key, *keys = jax.random.split(state.key, 1 + _TARGET_UPDATE_PERIOD)
  target = state.weights

  def iterate(state, key):
    env_key, batch_key = jax.random.split(key)
    state = _env_step(state, env_key, by_products)
    if train:
      state = _train_step(state, target, batch_key, batch_size, by_products)
    return state, None

  return jax.lax.scan(iterate, state._replace(key=key), jnp.stack(keys))[0]


@functools.partial(jax.jit, donate_argnums=0, static_argnums=(2, 3, 4))
def _target_periods(
  state: State,
  num_periods: int,
  batch_size: int,
  by_products: bool,
  train: bool,
) -> State:
  return jax.lax.fori_loop(
    0,
    num_periods,
    lambda _, s: _target_period(s, batch_size, by_products, train),
    state,
  )


class JaxMinatarDqn(jax_loop.CompiledLoop):
  """1 train step per frame of Breakout."""

  def __init__(
    self,
    by_products: bool = True,
    *,
    batch_size: int = 32,
    device: str = "cpu",
  ):
    """Collects and compiles.

    Args:
      by_products: whether convolutions are products of patches; False takes
        JAX's.
      batch_size: the number of transitions in a batch.
      device: the device, 'cpu' or 'gpu'.
    """
    self._batch_size, self._by_products = batch_size, by_products
    super().__init__(_TARGET_UPDATE_PERIOD, device)

  def _initial_state(self) -> State:
    """The state with the first rows of the table."""
    state = _initial_state(jax.random.key(0))
    return _target_periods(
      state, _NUM_INITIAL_PERIODS, self._batch_size, self._by_products, False
    )

  def _run_periods(self, state: State, num_periods: int) -> State:
    return _target_periods(
      state, num_periods, self._batch_size, self._by_products, True
    )
