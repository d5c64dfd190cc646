"""What the configurations of all agents share."""

import dataclasses
import re
import typing

from agents_pipeline import errors
from agents_pipeline.config.collectors import RayCollectors

if typing.TYPE_CHECKING:
  from agents_pipeline.config import schema


class AgentConfig:
  """Base of every agent's configuration.

  It has what the loop has to know of an agent, whichever it is; the defaults
  are those of an agent that learns from rollouts.

  Attributes:
    hidden_layers: the units of each hidden layer.
    conv_layers: (filters, kernel size, stride) of each convolution, for images;
      None chooses them by the observations.
    network: a function that makes the layers, 'my_module:make_network', in
      place of ours; None for ours.
    network_arguments: further keyword arguments of that function.
    optimizer: what turns gradients into updates, by its learning_rate.
    gradient_clip_value: the element-wise bound of gradients; None does not
      clip.
    gradient_clip_global_norm: the bound of the gradients' norm over all
      variables; None does not clip.
  """

  # The fields that describe our layers: not read with a user's own network.
  LAYER_FIELDS: typing.ClassVar[tuple[str, ...]] = ()

  hidden_layers: tuple[int, ...]
  conv_layers: tuple[tuple[int, int, int], ...] | None
  network: str | None
  network_arguments: dict
  optimizer: typing.Any
  gradient_clip_value: float | None
  gradient_clip_global_norm: float | None

  @property
  def agent_name(self) -> str:
    """The name of the agent in text, such as 'QR-DQN' for `QrDqnConfig`."""
    words = re.findall("[A-Z][^A-Z]*", type(self).__name__)
    return "-".join(words[: -1 if words[-1] == "Config" else None]).upper()

  def validate(self) -> None:
    """Compares fields with each other.

    Raises:
      UserError: gradients would be clipped twice, or arguments have no network.
    """
    if self.network_arguments and self.network is None:
      name = type(self).__name__
      raise errors.UserError(
        f"{name}.network_arguments = {self.network_arguments!r}: expected "
        f"{name}.network, which takes them"
      )
    value, norm = self.gradient_clip_value, self.gradient_clip_global_norm
    if value is not None and norm is not None:
      raise errors.UserError(
        f"{type(self).__name__}.gradient_clip_value = {value} and "
        f".gradient_clip_global_norm = {norm}: expected at most one of them; "
        "None does not clip"
      )

  @property
  def collectors(self) -> RayCollectors | None:
    """Who collects in place of the learning process; None if no one does."""
    return None

  @property
  def num_outputs_per_action(self) -> int:
    """The number of outputs of the network for each action."""
    return 1

  @property
  def num_collect_steps_per_iteration(self) -> int:
    """Steps of every environment between two updates."""
    return 1

  @property
  def num_collect_episodes_per_iteration(self) -> int | None:
    """Episodes between two updates, in place of steps; None for steps."""
    return None

  @property
  def num_train_steps_per_iteration(self) -> int:
    """The number of updates in an iteration."""
    return 1

  @property
  def num_env_steps_before_training(self) -> int:
    """Env steps collected before the first update."""
    return 0

  @property
  def is_reproducible(self) -> bool:
    """Whether one seed gives one run."""
    return True

  @property
  def averages_gradients(self) -> bool:
    """Whether several learners of one run can average their gradients."""
    return False

  @property
  def samples_ahead(self) -> bool:
    """Whether updates may run before an iteration's own steps are stored."""
    return False

  def num_transitions_per_update(self, num_envs: int) -> int:
    """Batch size of one update, over all environments."""
    return num_envs * self.num_collect_steps_per_iteration

  def check_fits(self, num_envs: int) -> None:
    """Compares with the number of environments, which is bound elsewhere.

    Raises:
      UserError: the agent could not learn anything.
    """

  def warnings(
    self, training: "schema.TrainingConfig", min_iteration_env_steps: int
  ) -> list[str]:
    """Lines on legal but probably unintended settings.

    Args:
      training: the training configuration: how long the run is.
      min_iteration_env_steps: the fewest env steps of an iteration.
    """
    if self.network is None:
      return []
    name = type(self).__name__
    unread = [
      f"{name}.{field.name}"
      for field in dataclasses.fields(self)  # type: ignore[arg-type]
      if field.name in self.LAYER_FIELDS
      and getattr(self, field.name) != field.default
    ]
    network = f"{name}.network is {self.network!r}"
    return [f"{network}: {field} is read by nothing" for field in unread]
