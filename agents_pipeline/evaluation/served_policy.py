"""The policy as others get it: plain observations in, actions out."""

import json
import pathlib
from collections.abc import Callable

import gymnasium as gym
import numpy as np
import tensorflow as tf
from tf_agents.networks import network as tf_agents_network
from tf_agents.policies import policy_saver, tf_policy

from agents_pipeline import errors
from agents_pipeline.config import observations, schema
from agents_pipeline.environments import making, specs
from agents_pipeline.files import atomic

# (network, observation [B, ...]) -> the outputs of the SavedModel.
Outputs = Callable[[tf_agents_network.Network, tf.Tensor], dict[str, tf.Tensor]]

_ABOUT = "assets.extra/policy.json"  # where SavedModels have custom files


class ServedPolicy(tf.Module):
  """The greedy policy of a network, for raw observations and actions.

  Once saved, loading it needs only TensorFlow: it has variables and one
  function, no Keras layers and no TensorFlow Probability types.
  """

  def __init__(
    self,
    network: tf_agents_network.Network,
    outputs: Outputs,
    observation_space: gym.Space,
    action_space: gym.Space,
  ):
    """Wraps a network whose variables are created.

    Args:
      network: the network of the agent.
      outputs: computes what to return: "action" [B, ...], counted from 0, and
        others.
      observation_space: of one copy; observations have its dtype.
      action_space: of one copy; actions have its dtype and its start.
    """
    super().__init__(name="served_policy")
    self._network_variables = list(network.variables)
    self._action_space = str(action_space)
    action_start = specs.space_start(action_space)
    observation_start = specs.space_start(observation_space)
    network_dtype = network.input_tensor_spec.dtype

    def serve(observation):
      network_input = tf.cast(observation, network_dtype)
      if observation_start:
        network_input -= tf.cast(observation_start, network_dtype)
      served = outputs(network, network_input)
      action = served["action"]  # [B, ...]
      action += tf.cast(action_start, action.dtype)
      if isinstance(action_space, gym.spaces.Box):
        action = tf.clip_by_value(action, *specs.float32_bounds(action_space))
      return served | {"action": tf.cast(action, action_space.dtype)}

    self.serve = tf.function(
      serve,
      input_signature=[
        tf.TensorSpec(
          [None, *observation_space.shape],
          observation_space.dtype,
          name="observation",
        )
      ],
      autograph=False,
    )

  def act(self, observations: np.ndarray) -> np.ndarray:
    """Returns the actions [B, ...] for observations [B, ...]."""
    return self.serve(tf.constant(observations))["action"].numpy()

  def save(self, directory: pathlib.Path, about: dict) -> None:
    """Writes the SavedModel, replacing an existing one.

    Args:
      directory: the folder of the SavedModel.
      about: metadata as JSON, such as the environment's id; `LoadedPolicy`
        returns it.

    Raises:
      RunError: it cannot be written.
    """
    about = about | {"action_space": self._action_space}
    with atomic.folder(directory) as temporary:
      tf.saved_model.save(
        self, str(temporary), signatures={"serving_default": self.serve}
      )
      file = temporary / _ABOUT
      file.parent.mkdir(exist_ok=True)
      file.write_text(json.dumps(about, indent=2) + "\n", "utf-8")


def save_tf_agents_policy(
  policy: tf_policy.TFPolicy, directory: pathlib.Path
) -> None:
  """Writes a policy with TF-Agents' `PolicySaver`, for users of TF-Agents."""
  with atomic.folder(directory) as temporary:
    policy_saver.PolicySaver(policy, batch_size=None).save(str(temporary))


class LoadedPolicy:
  """A SavedModel that `ServedPolicy` wrote, or one with the same signature.

  Attributes:
    directory: the folder of the SavedModel.
    about: metadata that was given to `ServedPolicy.save`; {} if there is none.
  """

  def __init__(self, directory: pathlib.Path):
    """Loads the SavedModel.

    Raises:
      UserError: the folder has no such SavedModel.
    """
    self.directory = directory
    self._model = load_signature(directory)
    self.about = _read_about(directory)
    (self._observation,) = self._model.structured_input_signature[1].values()

  def act(self, observations: np.ndarray) -> np.ndarray:
    """Returns the actions [B, ...] for observations [B, ...]."""
    return self._model(observation=tf.constant(observations))["action"].numpy()

  def check_environment(self, name: str, env: gym.Env) -> None:
    """Checks that the policy fits the spaces of an environment.

    Args:
      name: the environment's id, for messages.
      env: the environment.

    Raises:
      UserError: the policy is for another environment.
    """
    observed, acts = env.observation_space, env.action_space
    trained_on = self.about.get("environment")
    hint = f"; expected {trained_on!r}" if trained_on else ""
    shape = tuple(self._observation.shape[1:])
    if observed.shape != shape or observed.dtype != self._observation.dtype:
      raise errors.UserError(
        f"policy {str(self.directory)!r} observes {shape} "
        f"{self._observation.dtype.name}, but {name!r} gives {observed.shape} "
        f"{observed.dtype}{hint}"
      )
    known = self.about.get("action_space")
    if known is not None and known != str(acts):
      raise errors.UserError(
        f"policy {str(self.directory)!r} acts in {known}, but {name!r} takes "
        f"{acts}{hint}"
      )


def _read_about(directory: pathlib.Path) -> dict:
  """Returns a policy's metadata; {} if it has none."""
  path = directory / _ABOUT
  try:
    about = json.loads(path.read_text("utf-8")) if path.exists() else {}
  except (OSError, ValueError) as error:
    raise errors.UserError(f"{path} cannot be read: {error}") from None
  if not isinstance(about, dict):
    raise errors.UserError(f"{path}: expected what a policy says of itself")
  return about


def load_signature(directory: pathlib.Path):
  """Returns the signature `serving_default` of a SavedModel.

  Raises:
    UserError: the folder has no SavedModel, or one without that signature.
  """
  if not (directory / "saved_model.pb").exists():
    raise errors.UserError(
      f"--policy_dir={str(directory)!r}: expected a folder with a SavedModel, "
      "such as the policy/ of a run folder"
    )
  try:
    model = tf.saved_model.load(str(directory))
  except Exception as error:  # TensorFlow may raise anything if it is damaged
    reason = str(error).strip().split("\n")[0]
    raise errors.UserError(
      f"--policy_dir={str(directory)!r}: this SavedModel cannot be loaded, it "
      f"may be damaged: {reason}"
    ) from None
  signature = model.signatures.get("serving_default")
  if signature is None or "action" not in signature.structured_outputs:
    raise errors.UserError(
      f"--policy_dir={str(directory)!r}: this SavedModel has no signature "
      "'serving_default' that returns an action; expected the policy/ of a run"
    )
  signature.keep_alive = model  # a signature holds no reference to its model
  return signature


def load_for(
  directory: pathlib.Path, environment: str | None
) -> tuple[LoadedPolicy, schema.EnvironmentConfig]:
  """Loads a policy and checks that it fits an environment.

  Args:
    directory: the SavedModel.
    environment: a gymnasium id; None for the one it was trained in, made as
      it was then.

  Returns:
    The policy, and the environment with the observations of training.

  Raises:
    UserError: the folder has no policy, or one for another environment.
  """
  policy = LoadedPolicy(directory)
  name = environment or policy.about.get("environment")
  if name is None:
    raise errors.UserError(
      f"--policy_dir={str(directory)!r} does not say what it was trained on; "
      "expected --environment"
    )
  observation = policy.about.get("observation")
  # What an environment is made with belongs to its id: another has its own.
  made = policy.about if name == policy.about.get("environment") else {}
  config = schema.EnvironmentConfig(
    name=name,
    arguments=made.get("arguments", {}),
    max_episode_steps=made.get("max_episode_steps"),
    wrappers=made.get("wrappers", ()),
    observation=observations.from_json(observation)
    if observation
    else observations.OwnObservation(),
  )
  env = making.make_evaluation_environment(config)
  try:
    policy.check_environment(name, env)
  finally:
    env.close()
  return policy, config
