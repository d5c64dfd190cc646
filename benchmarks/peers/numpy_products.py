"""Floors: the matrix products of one train step alone, in NumPy.

In float32, by OpenBLAS in one thread, one after the other, into arrays made
beforehand. Neither biases, activations and losses, nor the optimizer, replay or
the environment. Acting is included: with it the rate is 0.90 times as high for
DQN, 0.81 for A2C. `np.dot` for every product, the fastest: `np.matmul` is 0.69
times as fast.
"""

import time

import numpy as np
import threadpoolctl

_Product = tuple[np.ndarray, np.ndarray, np.ndarray]  # left, right, outputs


def _array(*shape: int) -> np.ndarray:
  return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def _forward(batch_size: int, kernels: list[np.ndarray]) -> list[_Product]:
  """The outputs of every layer of a network."""
  products = []
  inputs = _array(batch_size, len(kernels[0]))
  for kernel in kernels:
    outputs = _array(batch_size, kernel.shape[1])
    products.append((inputs, kernel, outputs))
    inputs = outputs
  return products


def _backward(forward: list[_Product]) -> list[_Product]:
  """The gradients of the kernels, and of every layer's inputs but the first."""
  products = []
  gradients = _array(*forward[-1][2].shape)
  for i, (inputs, kernel, _) in reversed(list(enumerate(forward))):
    products.append((inputs.T, gradients, _array(*kernel.shape)))
    if i:
      products.append((gradients, kernel.T, _array(*inputs.shape)))
      gradients = products[-1][2]
  return products


class _Products:
  """The products of an iteration, over and over."""

  def __init__(self, products: list[_Product], env_steps: int):
    """Runs them for the first time; `env_steps` are those of an iteration."""
    # The largest of A2C are just above what OpenBLAS keeps to one thread.
    threadpoolctl.threadpool_limits(limits=1)
    self._products, self._env_steps = products, env_steps
    self.run(100 * env_steps)

  def run(self, num_env_steps: int) -> float:
    """Returns env steps per second; rounds up to whole iterations."""
    num_iterations = -(-num_env_steps // self._env_steps)
    dot, products = np.dot, self._products
    start = time.perf_counter()
    for _ in range(num_iterations):
      for left, right, outputs in products:
        dot(left, right, outputs)
    seconds = time.perf_counter() - start
    return num_iterations * self._env_steps / seconds


class Dqn(_Products):
  """An MLP 4-100-2, a batch of 64: nine products.

  64x4 by 4x100 and 64x100 by 100x2 of the Q-network on the observations, and of
  the target network on the next ones. 100x64 by 64x2 and 4x64 by 64x100, the
  gradients of the kernels, and 64x2 by 2x100, that of the hidden layer. Acting:
  1x4 by 4x100 and 1x100 by 100x2.
  """

  def __init__(self):
    kernels = [_array(4, 100), _array(100, 2)]
    online = _forward(64, kernels)
    target = _forward(64, [_array(4, 100), _array(100, 2)])
    acting = _forward(1, kernels)
    super().__init__(online + target + _backward(online) + acting, 1)


class A2c(_Products):
  """MLPs 4-64-64-2 and 4-64-64-1, 16 x 5 steps: 34 products.

  Per network three forward with a batch of 80 and five backward; three of the
  value network with one of 16, the observations after the rollout. Acting: five
  times three of the policy network with a batch of 16.
  """

  def __init__(self):
    policy = [_array(4, 64), _array(64, 64), _array(64, 2)]
    value = [_array(4, 64), _array(64, 64), _array(64, 1)]
    products = _forward(16, value)
    for kernels in (policy, value):
      forward = _forward(80, kernels)
      products += forward + _backward(forward)
    super().__init__(products + 5 * _forward(16, policy), 80)
