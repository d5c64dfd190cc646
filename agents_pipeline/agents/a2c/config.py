"""Configuration of A2C."""

import typing

from agents_pipeline import errors
from agents_pipeline.agents import optimizers
from agents_pipeline.config import fields, schema


@fields.config
class A2cConfig(schema.AgentConfig):
  """Advantage actor-critic: A3C (Mnih et al. 2016), synchronous.

  Attributes:
    network: a function of your own module that makes the layers before the
      heads, such as @my_module.make_network; it replaces the layers below. See
      "Train a network of your own" in the documentation. Images keep their
      shape.
    network_arguments: further keyword arguments of that function.
    conv_layers: (filters, kernel size, stride) of each convolution, for images
      [H, W, C]; () flattens images. None chooses the convolutions of Mnih et
      al. (2015) where every image is at least 36 pixels wide and high, else the
      one of MinAtar: ((16, 3, 1),).
    hidden_layers: the units of each hidden layer after the convolutions.
    activation: the activation of these layers, by Keras' name.
    shared_torso: whether policy and value share these layers; else each has its
      own.
    hidden_gain: the gain of the orthogonal initial weights of these layers.
    policy_gain: the gain of the initial weights of the policy head.
    value_gain: the gain of the initial weights of the value head.
    initial_log_std: the initial log of a Gaussian policy's standard deviation,
      for Box actions; 0 is a standard deviation of half the range of an action,
      or of 1 where an action has no bounds.
    normalize_observations: whether to normalize observations by their running
      mean and standard deviation, and clip them to 10 standard deviations.
    normalize_rewards: whether to divide rewards by the running standard
      deviation of discounted returns, and clip the result to [-10, 10].
    gamma: the agent's discount per env step.
    gae_lambda: lambda of generalized advantages; 1 is the n-step return.
    normalize_advantages: whether to bring advantages to mean 0 and standard
      deviation 1 in a rollout.
    value_coefficient: the weight of the mean squared value error in the loss.
    entropy_coefficient: the weight of the mean entropy in the loss, which makes
      the entropy larger. Mnih et al. (2016) have 0.01; with 0 a policy that has
      never met a reward may stop looking for it.
    optimizer: what turns gradients into updates.
    gradient_clip_value: the element-wise bound of gradients; None does not
      clip.
    gradient_clip_global_norm: the bound of the gradients' norm over all
      variables; None does not clip.
    num_rollout_steps: steps of every environment between two updates.
  """

  LAYER_FIELDS: typing.ClassVar[tuple[str, ...]] = (
    "hidden_layers",
    "activation",
    "hidden_gain",
  )

  network: str | None = fields.function()
  network_arguments: dict = fields.arguments("{'units': 32}")
  conv_layers: tuple[tuple[int, int, int], ...] | None = fields.conv_layers()
  hidden_layers: tuple[int, ...] = fields.widths((64, 64))
  activation: str = fields.activation("tanh")
  shared_torso: bool = fields.switch(False)
  hidden_gain: float = fields.number(2**0.5, above=True)
  policy_gain: float = fields.number(0.01, above=True)
  value_gain: float = fields.number(1.0, above=True)
  initial_log_std: float = fields.number(0.0, -20, 2)
  normalize_observations: bool = fields.switch(False)
  normalize_rewards: bool = fields.switch(False)
  gamma: float = fields.number(0.99, 0, 1)
  gae_lambda: float = fields.number(1.0, 0, 1)
  normalize_advantages: bool = fields.switch(False)
  value_coefficient: float = fields.number(0.5)
  entropy_coefficient: float = fields.number(0.01)
  optimizer: optimizers.OptimizerConfig = fields.component(
    optimizers.RmsProp, optimizers.OptimizerConfig
  )
  gradient_clip_value: float | None = fields.number(
    None, above=True, optional=True
  )
  gradient_clip_global_norm: float | None = fields.number(
    0.5, above=True, optional=True
  )
  num_rollout_steps: int = fields.integer(5, high=10**5)

  def check_fits(self, num_envs: int) -> None:
    """Compares with the number of environments, which is bound elsewhere.

    Raises:
      UserError: every advantage would be normalized to 0.
    """
    if self.normalize_advantages and num_envs * self.num_rollout_steps == 1:
      raise errors.UserError(
        "A2cConfig.normalize_advantages = True: expected more than 1 step in a "
        "rollout (A2cConfig.num_rollout_steps * EnvironmentConfig.num_envs), "
        "as one minus its own mean is 0"
      )

  @property
  def averages_gradients(self) -> bool:
    """True: each learner has rollouts of its own."""
    return True

  @property
  def num_collect_steps_per_iteration(self) -> int:
    """Steps of every environment in a rollout, T."""
    return self.num_rollout_steps
