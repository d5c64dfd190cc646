"""CartPole without pictures: recording takes half of a small run."""

import gymnasium as gym
from gymnasium.envs.classic_control import cartpole

NAME = "plain_cartpole:PlainCartPole-v0"


class PlainCartPole(cartpole.CartPoleEnv):
  """Does not render."""

  metadata = {"render_modes": []}  # noqa: RUF012


gym.register("PlainCartPole-v0", PlainCartPole, max_episode_steps=500)
