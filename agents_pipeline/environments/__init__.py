"""Environments: tensor versions for XLA, and gymnasium's.

Importing this package registers the project's own tasks with gymnasium.
"""

import gymnasium as gym

# Neither needs a time limit: both always terminate.
for _name, _entry_point in (
  ("FlappyBall-v0", "tasks.flappy_ball:FlappyBall"),
  ("Catch-v0", "tasks.catch:Catch"),
):
  if _name not in gym.registry:  # a module may be imported twice
    gym.register(_name, entry_point=f"{__name__}.{_entry_point}")
