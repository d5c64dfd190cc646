"""A DQN written once in JAX over gymnax's CartPole, as one compiled loop.

It does what our own DQN does, as lean as it was possible to make it here, on
the CPU. Times its rate when one of its choices is undone (JAX 0.10.2, AVX-512,
one thread; the rates of one choice vary by 0.03):

- Products with the batch last, `W @ x`, of which all but one then suit XLA's
  library as they are. As usually written, `x @ W`: 0.57; `batch_last=False`.
- Q-values `[actions, batch]` up to the loss. `[batch, actions]`: 0.81.
- One thread, `NPROC=1`. Two: 0.45 to 0.85, by what else the machine does.
- XLA's fusions into YNNPACK, its default. None: 0.6.
- The weights four arrays. Slices of one vector: 0.96.
- Two iterations in the loop's body. One: 0.97. Four: 0.94.
- Threefry. `unsafe_rbg`: 0.95.

No measurable difference: `dynamic_update_slice` or a scatter for the new row;
sums in place of the products of acting; XLA's flags for Eigen's threads, fast
math, the width of vectors and the scheduler; a table of 1,000,000 rows. JAX
0.6.2, the last for Python 3.10, is about half as fast.
"""

import functools
from typing import NamedTuple

import gymnax
import jax
import jax.numpy as jnp

from benchmarks.peers import jax_cartpole, jax_loop

_BATCH_SIZE = 64
_TARGET_UPDATE_PERIOD = 100  # train steps
_GAMMA = 0.99
_EPSILON = 0.1
_LEARNING_RATE = 1e-3
_ADAM_BETAS = (0.9, 0.999)
_ADAM_EPSILON = 1e-8
_CAPACITY = 102_400  # rows of the replay buffer, a multiple of the environments
_NUM_INITIAL_ENV_STEPS = 1_000  # before the first train step, at least


class Weights(NamedTuple):
  """The Q-network's weights, or arrays of their shapes; [outputs, inputs].

  As usually written they are [inputs, outputs].
  """

  hidden: jax.Array  # [100, 4]
  hidden_bias: jax.Array  # [100]
  head: jax.Array  # [2, 100]
  head_bias: jax.Array  # [2]


class State(NamedTuple):
  """All that changes; E environments."""

  weights: Weights
  mean: Weights  # Adam's, of the gradients
  mean_square: Weights  # Adam's
  beta_powers: jax.Array  # [2]
  table: jax.Array  # [capacity, 11], a ring: see _env_step
  num_rows: jax.Array  # ever written
  envs: gymnax.EnvState  # of [E]
  key: jax.Array
  finished: jax.Array  # [2]: episodes, and their steps


@functools.partial(jax.jit, static_argnums=(1, 2))
def _initial_state(key: jax.Array, num_envs: int, batch_last: bool) -> State:
  key, env_key, *keys = jax.random.split(key, 6)
  shapes = [(100, 4), (100,), (2, 100), (2,)]
  limits = [4**-0.5] * 2 + [100**-0.5] * 2
  weights = Weights(
    *(
      jax.random.uniform(key, shape, minval=-limit, maxval=limit)
      for key, shape, limit in zip(keys, shapes, limits, strict=True)
    )
  )
  if not batch_last:
    weights = weights._replace(hidden=weights.hidden.T, head=weights.head.T)
  zeros = jax.tree.map(jnp.zeros_like, weights)
  return State(
    weights=weights,
    mean=zeros,
    mean_square=zeros,
    beta_powers=jnp.ones(2),
    table=jnp.zeros((_CAPACITY, 11)),
    num_rows=jnp.int32(0),
    envs=jax_cartpole.initial_envs(jax.random.split(env_key, num_envs)),
    key=key,
    finished=jnp.zeros(2),
  )


def _q_values(weights: Weights, observations: jax.Array) -> jax.Array:
  """[B, 4] -> [2, B]."""
  hidden, hidden_bias, head, head_bias = weights
  if len(hidden) != len(hidden_bias):  # as usually written
    outputs = jax.nn.relu(observations @ hidden + hidden_bias)
    return (outputs @ head + head_bias).T
  outputs = jax.nn.relu(hidden @ observations.T + hidden_bias[:, None])
  return head @ outputs + head_bias[:, None]


def _env_step(state: State, draws: jax.Array, fresh: gymnax.EnvState) -> State:
  """One step of every environment, and its rows into the table.

  Random `draws` are [2, E] in [0, 1); `fresh` are first states [E].
  """
  observations = jax_cartpole.ENV.get_obs(state.envs)  # [4, E]
  q_values = _q_values(state.weights, observations.T)
  greedy = jnp.argmax(q_values, axis=0)
  random = (draws[1] < 0.5).astype(greedy.dtype)
  actions = jnp.where(draws[0] < _EPSILON, random, greedy)
  stepped = jax_cartpole.step(state.envs, actions)
  scalars = [
    actions.astype(jnp.float32), stepped.rewards, 1.0 - stepped.terminated
  ]  # fmt: skip
  rows = jnp.concatenate(
    [observations, jnp.stack(scalars), stepped.next_observations]
  )
  return state._replace(
    table=jax.lax.dynamic_update_slice(
      state.table, rows.T, (state.num_rows % _CAPACITY, 0)
    ),
    num_rows=state.num_rows + actions.shape[0],
    **jax_cartpole.after(stepped, fresh, state.finished),
  )


def _loss(weights: Weights, target: Weights, rows: jax.Array) -> jax.Array:
  """The mean squared TD error of [64, 11]."""
  observations, next_observations = rows[:, :4], rows[:, 7:]
  actions, rewards, discounts = rows[:, 4], rows[:, 5], rows[:, 6]
  next_values = jnp.max(_q_values(target, next_observations), 0)
  q_values = _q_values(weights, observations)
  chosen = jnp.where(actions == 1, q_values[1], q_values[0])
  return jnp.mean(
    jnp.square(rewards + _GAMMA * discounts * next_values - chosen)
  )


def _train_step(state: State, target: Weights, draws: jax.Array) -> State:
  """One step of Adam on a batch; draws are [64] in [0, 1)."""
  num_rows = jnp.minimum(state.num_rows, _CAPACITY)
  chosen = (draws * num_rows).astype(jnp.int32)
  rows = state.table.at[chosen].get(mode="promise_in_bounds")
  gradients = jax.grad(_loss)(state.weights, target, rows)
  powers = state.beta_powers * jnp.array(_ADAM_BETAS)
  rate = _LEARNING_RATE * jnp.sqrt(1 - powers[1]) / (1 - powers[0])
  decay = lambda beta, old, new: beta * old + (1 - beta) * new
  update_mean = lambda old, g: decay(_ADAM_BETAS[0], old, g)
  update_square = lambda old, g: decay(_ADAM_BETAS[1], old, g * g)
  descend = lambda w, m, s: w - rate * m / (jnp.sqrt(s) + _ADAM_EPSILON)
  mean = jax.tree.map(update_mean, state.mean, gradients)
  mean_square = jax.tree.map(update_square, state.mean_square, gradients)
  weights = jax.tree.map(descend, state.weights, mean, mean_square)
  return state._replace(
    weights=weights, mean=mean, mean_square=mean_square, beta_powers=powers
  )


def _target_period(state: State, train: bool) -> State:
  """The iterations between two copies into the target network."""
  length, num_envs = _TARGET_UPDATE_PERIOD, len(state.envs.time)
  key, draws_key, envs_key = jax.random.split(state.key, 3)
  draws = jax.random.uniform(draws_key, (length, _BATCH_SIZE + 2 * num_envs))
  fresh = jax_cartpole.initial_envs_of_steps(envs_key, length, num_envs)
  target = state.weights

  def iterate(state, inputs):
    draws, fresh = inputs
    own = draws[_BATCH_SIZE:].reshape(2, num_envs)
    state = _env_step(state, own, fresh)
    if train:
      state = _train_step(state, target, draws[:_BATCH_SIZE])
    return state, None

  return jax.lax.scan(
    iterate, state._replace(key=key), (draws, fresh), unroll=2
  )[0]


# The number of periods is not static, or each would be a compilation. Nothing
# is copied: `state` is donated, and gone after the call.
@functools.partial(jax.jit, donate_argnums=0, static_argnums=2)
def _target_periods(state: State, num_periods: int, train: bool) -> State:
  return jax.lax.fori_loop(
    0, num_periods, lambda _, s: _target_period(s, train), state
  )


class JaxDqn(jax_loop.CompiledLoop):
  """1 train step of a batch of 64 per step of every environment."""

  def __init__(
    self, batch_last: bool = True, *, num_envs: int = 1, device: str = "cpu"
  ):
    """Collects and compiles.

    Args:
      batch_last: whether products have the batch last; False writes them as
        usual.
      num_envs: the number of environments.
      device: the device, 'cpu' or 'gpu'.
    """
    self._num_envs, self._batch_last = num_envs, batch_last
    super().__init__(num_envs * _TARGET_UPDATE_PERIOD, device)

  def _initial_state(self) -> State:
    """The state with the first rows of the table."""
    state = _initial_state(jax.random.key(0), self._num_envs, self._batch_last)
    num_periods = -(-_NUM_INITIAL_ENV_STEPS // self._env_steps_per_period)
    return _target_periods(state, num_periods, False)

  def _run_periods(self, state: State, num_periods: int) -> State:
    return _target_periods(state, num_periods, True)
