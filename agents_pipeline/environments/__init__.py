"""What to act in: tensor environments and gymnasium's.

Importing it registers the project's own with gymnasium.
"""

import gymnasium as gym

# Neither needs a time limit: both end by themselves.
for _name, _where in (
  ("FlappyBall-v0", "tasks.flappy_ball:FlappyBall"),
  ("Catch-v0", "tasks.catch:Catch"),
):
  if _name not in gym.registry:  # a module may be imported twice
    gym.register(_name, entry_point=f"{__name__}.{_where}")
