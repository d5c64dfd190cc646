"""Policies with random weights, over every kind of observation and action."""

import functools

import gymnasium as gym
import numpy as np
import tensorflow as tf

from agents_pipeline.agents import task as task_lib
from agents_pipeline.agents.a2c import agent as a2c_agent
from agents_pipeline.agents.a2c import config as a2c_config
from agents_pipeline.agents.a2c import network as a2c_network
from agents_pipeline.agents.c51 import config as c51_config
from agents_pipeline.agents.dqn import config as dqn_config
from agents_pipeline.agents.q_learning import agent as q_agent
from agents_pipeline.agents.q_learning import network as q_network
from agents_pipeline.agents.qr_dqn import config as qr_dqn_config

VECTOR = gym.spaces.Box(-5, 5, (4,), np.float32)
PICTURE = gym.spaces.Box(0, 255, (12, 12, 3), np.uint8)
MASK = gym.spaces.MultiBinary(3)
OBSERVATIONS = {
  "plain": VECTOR,
  "picture": PICTURE,
  "discrete": gym.spaces.Discrete(5, start=3),
  "dict": gym.spaces.Dict(
    {
      "observation/camera": PICTURE,
      "observation/goal/position": gym.spaces.Box(-1, 1, (2,), np.float64),
      "observation/goal/number": gym.spaces.Discrete(3, start=2),
    }
  ),
  "masked": gym.spaces.Dict({"observation": VECTOR, "action_mask": MASK}),
  "masked_dict": gym.spaces.Dict(
    {"observation/camera": PICTURE, "action_mask": MASK}
  ),
}
ACTIONS = gym.spaces.Discrete(3, start=-1)
CASES = (
  {
    f"{agent}_{name}": (agent, space, ACTIONS)
    for agent in ("dqn", "a2c")
    for name, space in OBSERVATIONS.items()
  }
  | {
    f"{agent}_{name}": (agent, OBSERVATIONS[name], ACTIONS)
    for agent in ("c51", "qr_dqn", "rainbow")
    for name in ("plain", "masked_dict")
  }
  | {
    "a2c_box": ("a2c", VECTOR, gym.spaces.Box(-2, 2, (2,), np.float64)),
    "a2c_multi": ("a2c", VECTOR, gym.spaces.MultiDiscrete([3, 2])),
    "dqn_own": ("dqn_own", VECTOR, ACTIONS),
    "a2c_own": ("a2c_own", PICTURE, ACTIONS),
  }
)

layers = tf.keras.layers


def own_q_network(observation_spec, action_spec):
  """A user's network for DQN."""
  return tf.keras.Sequential(
    [
      layers.Dense(8, "gelu"),
      layers.BatchNormalization(),
      layers.Dense(action_spec.maximum + 1),
    ]
  )


def own_torso(observation_spec, action_spec):
  """A user's network for A2C, of images."""
  return tf.keras.Sequential(
    [
      layers.Conv2D(4, 3, 2, activation="swish"),
      layers.LayerNormalization(),
      layers.Flatten(),
      layers.Dense(8, "mish"),
    ]
  )


_FAMILY = {
  "dqn": functools.partial(dqn_config.DqnConfig, dueling=True),
  "dqn_own": functools.partial(
    dqn_config.DqnConfig, network=f"{__name__}:{own_q_network.__name__}"
  ),
  "c51": functools.partial(
    c51_config.C51Config, v_min=-20, v_max=5, dueling=True
  ),
  "qr_dqn": functools.partial(
    qr_dqn_config.QrDqnConfig, num_quantiles=20, dueling=True
  ),
  "rainbow": functools.partial(
    c51_config.C51Config,
    v_min=-20,
    v_max=5,
    dueling=True,
    noisy=True,
    epsilon=None,
  ),
}


def make(agent, space, actions):
  """A network with random weights, as others get it."""
  task = task_lib.Task("X-v0", space, actions)
  is_ours = not agent.endswith("_own")
  convolutions = ((8, 3, 1),) if is_ours and "uint8" in str(space) else ()
  spec, action_spec = task.observation_spec, task.action_spec
  if agent in _FAMILY:
    config = _FAMILY[agent](conv_layers=convolutions)
    network = q_network.make_q_network(config, spec, action_spec, seed=3)
    return task.serve(q_agent.served_outputs, network)
  config = a2c_config.A2cConfig(
    conv_layers=convolutions,
    policy_gain=3.0,
    normalize_observations=is_ours,
    network=None if is_ours else f"{__name__}:{own_torso.__name__}",
  )
  network = a2c_network.make_actor_critic_network(
    config, spec, action_spec, seed=1
  )
  outputs = functools.partial(a2c_agent.served_outputs, action_spec)
  return task.serve(outputs, network)


def draw(space, number):
  """[number, ...] of each input by its name; every mask allows an action."""
  spaces = {"observation": space}
  if isinstance(space, gym.spaces.Dict):
    spaces = dict(space.spaces)
  drawn = {}
  for name, leaf in spaces.items():
    leaf.seed(0)
    values = [leaf.sample() for _ in range(number)]
    drawn[name] = np.stack(values).astype(leaf.dtype)
  if "action_mask" in drawn:
    mask = drawn["action_mask"]
    mask[:, 1] |= ~mask.any(axis=1)
  return drawn
