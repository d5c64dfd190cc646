"""Environments: tensor versions for XLA, and gymnasium's.

Importing this package registers the project's own tasks with gymnasium, and
MinAtar's games under the ids of the `minatar` package, which gymnasium does not
look for by itself.
"""

import gymnasium as gym


def _register(name: str, entry_point: str, **arguments) -> None:
  if name not in gym.registry:  # a module may be imported twice
    entry_point = f"{__name__}.{entry_point}"
    gym.register(name, entry_point=entry_point, kwargs=arguments)


# Without a time limit: their episodes terminate.
_register("FlappyBall-v0", "tasks.flappy_ball:FlappyBall")
_register("Catch-v0", "tasks.catch:Catch")
# As the package: a policy can play Breakout and Seaquest without end.
for _game in ("Asterix", "Breakout", "Freeway", "Seaquest", "SpaceInvaders"):
  for _version, _is_minimal in (("v0", False), ("v1", True)):
    _register(
      f"MinAtar/{_game}-{_version}",
      f"tasks.minatar_games:{_game}",
      use_minimal_action_set=_is_minimal,
    )
