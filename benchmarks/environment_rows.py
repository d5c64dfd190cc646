"""The rows of `benchmarks.environments`: other people's environments.

requirements-environments.in lists the packages. Names of keys, wrappers and
arguments are those of the packages' own documentation.
"""

import dataclasses

# Small enough for two cores; every size of picture here is large enough.
_SMALL_CONV = "conv_layers = ((16, 8, 4), (32, 4, 2))"
_FEW_UPDATES = "DqnConfig.num_collect_steps_per_iteration = 4"
_SMALL_REPLAY = "ReplayConfig.capacity_env_steps = 500"
_SHORT_EPISODES = "EnvironmentConfig.max_episode_steps = 100"
_LARGE_IMAGES = (f"DqnConfig.{_SMALL_CONV}", _FEW_UPDATES, _SMALL_REPLAY)


@dataclasses.dataclass(frozen=True)
class Row:
  """An environment, and what is expected of a run on it.

  Attributes:
    name: the name of the row.
    environment: a gymnasium id, with the module that registers it.
    bindings: gin bindings in addition to those of every row.
    agent: the agent, 'dqn' or 'a2c'; with None, `train --environment` chooses
      it.
    refused: the text of the line by which it has to be refused; None trains.
    renders: whether the environment renders 'rgb_array'.
    skip: why its package cannot be installed or used here; None runs it.
  """

  name: str
  environment: str
  bindings: tuple[str, ...] = ()
  agent: str | None = "dqn"
  refused: str | None = None
  renders: bool = True
  skip: str | None = None


def _wrapped(*wrappers: str) -> str:
  return f"EnvironmentConfig.wrappers = {wrappers!r}"


def _made_with(**arguments: object) -> str:
  return f"EnvironmentConfig.arguments = {arguments!r}"


_EMPTY_ROOM = "minigrid:MiniGrid-Empty-5x5-v0"

_GRIDS = (
  Row("minigrid", _EMPTY_ROOM, refused="mission"),
  Row(
    "minigrid-dropped",
    _EMPTY_ROOM,
    (
      "EnvironmentConfig.encoder = @ObservationEncoder()",
      "ObservationEncoder.keys = {'mission': 'dropped'}",
    ),
  ),
  Row(
    "minigrid-image",
    _EMPTY_ROOM,
    (
      _wrapped("minigrid.wrappers:ImgObsWrapper"),
      "DqnConfig.conv_layers = ((16, 3, 1),)",
    ),
  ),
  Row(
    "minigrid-flat",
    _EMPTY_ROOM,
    (_wrapped("minigrid.wrappers:FlatObsWrapper"),),
  ),
  Row(
    "minatar",
    "benchmarks.environment_modules:MinAtar/Breakout-v1",
    ("DqnConfig.conv_layers = ((16, 3, 1),)",),
  ),
  Row(
    "tetris",
    "tetris_gymnasium.envs:tetris_gymnasium/Tetris",
    renders=False,  # its render() fails with this NumPy: astype(np.integer)
  ),
)

_GAMES = (
  Row("flappy-bird", "flappy_bird_gymnasium:FlappyBird-v0"),
  Row(
    "vizdoom",
    "vizdoom.gymnasium_wrapper:VizdoomBasic-v1",
    (*_LARGE_IMAGES, _SHORT_EPISODES),
  ),
  Row(
    "vizdoom-multi-binary",
    "vizdoom.gymnasium_wrapper:VizdoomBasic-MultiBinary-v1",
    (f"A2cConfig.{_SMALL_CONV}", _SHORT_EPISODES),
    agent="a2c",
  ),
  Row("atari", "ALE/Breakout-v5", (*_LARGE_IMAGES, _SHORT_EPISODES)),
  Row(
    "atari-preprocessed",
    "ALE/Breakout-v5",
    (
      *_LARGE_IMAGES,
      _SHORT_EPISODES,
      "EnvironmentConfig.observation = @AtariObservation()",
    ),
  ),
)

_DRIVING_AND_TRADING = (
  Row("highway", "highway_env:highway-fast-v0"),
  Row(
    "parking",
    "highway_env:parking-v0",
    (_SHORT_EPISODES,),
    agent="a2c",
  ),
  Row(
    "roundabout",
    "highway_env:roundabout-v0",
    (
      _made_with(
        config={
          "observation": {"type": "OccupancyGrid"},
          "simulation_frequency": 5,
          "duration": 10,
        }
      ),
    ),
  ),
  Row("stocks", "gym_anytrading:stocks-v0", (_SHORT_EPISODES,), renders=False),
)

_ROBOTS = (
  Row("panda-reach", "panda_gym:PandaReach-v3", agent="a2c"),
  Row(
    "fetch-reach",
    "gymnasium_robotics:FetchReach-v4",
    agent="a2c",
    skip="gymnasium-robotics 1.4 fails in FetchReach with MuJoCo 4.0",
  ),
  Row("inverted-pendulum", "InvertedPendulum-v5", agent="a2c"),
  Row("half-cheetah", "HalfCheetah-v5", (_SHORT_EPISODES,), agent="a2c"),
)

_TOY_TEXT = (
  Row("frozen-lake", "FrozenLake-v1", (_made_with(is_slippery=False),)),
  Row("taxi", "Taxi-v4"),
  Row("taxi-masked", "Taxi-v4", ("EnvironmentConfig.action_mask = 'info'",)),
  Row("cliff-walking", "CliffWalking-v1", (_SHORT_EPISODES,)),
  Row("blackjack", "Blackjack-v1"),
)

_BOX2D = (
  Row("lunar-lander", "LunarLander-v3", (_SHORT_EPISODES,)),
  Row("bipedal-walker", "BipedalWalker-v3", (_SHORT_EPISODES,), agent="a2c"),
  Row(
    "car-racing",
    "CarRacing-v3",
    (*_LARGE_IMAGES, _SHORT_EPISODES, _made_with(continuous=False)),
  ),
)

_CHOSEN_BY_SPACES = (
  Row("flappy-bird-by-name", "flappy_bird_gymnasium:FlappyBird-v0", agent=None),
  Row("panda-reach-by-name", "panda_gym:PandaReach-v3", agent=None),
)

_VECTOR_REWARDS = (
  Row(
    "deep-sea-treasure",
    "mo_gymnasium:deep-sea-treasure-v0",
    refused="reward",
  ),
)

ROWS = {
  row.name: row
  for rows in (
    _GRIDS,
    _GAMES,
    _DRIVING_AND_TRADING,
    _ROBOTS,
    _TOY_TEXT,
    _BOX2D,
    _CHOSEN_BY_SPACES,
    _VECTOR_REWARDS,
  )
  for row in rows
}
