"""The learning tables of MinAtar, by the measure of its paper too.

Young & Tian (2019) plot the returns of episodes while training, DQN's with
epsilon 0.1; a learning table has greedy episodes of the best policy.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from benchmarks import report


@dataclasses.dataclass(frozen=True)
class Game:
  """A game of MinAtar.

  Attributes:
    title: its name.
    random_return: the mean return of random actions, over 1,000 episodes or
      more of the `minatar` package's game.
    published: the paper's returns while training after 5,000,000 frames, by
      the agent of ours that stands beside it: DQN, and A2C beside its
      actor-critic.
  """

  title: str
  random_return: float
  published: Mapping[str, float]


_GAMES = {
  "breakout": Game("Breakout", 0.5, {"dqn": 10.0, "a2c": 17.4}),
  "space_invaders": Game("SpaceInvaders", 2.9, {"dqn": 43.6, "a2c": 180.6}),
}

_AGENTS = {
  "dqn": "DQN",
  "c51": "C51",
  "qr_dqn": "QR-DQN",
  "rainbow": "Rainbow",
  "a2c": "A2C",
}


def markdown(read: Callable[[str], dict | None]) -> str:
  """A row for each game and agent that has a learning table, seed by seed.

  Args:
    read: a function that gives the learning table of a configuration; None
      where it was never made.
  """
  header = [
    "game", "agent", "while training", "the paper's, 5,000,000 frames",
    "greedy, best policy",
  ]  # fmt: skip
  rows = []
  for name, game in _GAMES.items():
    rows.append([game.title, "random actions", game.random_return, "", ""])
    for agent, title in _AGENTS.items():
      table = read(f"{agent}_minatar_{name}")
      if table is None:
        continue
      training, greedy = (
        _each(table["seeds"], key) for key in ("training_return", "mean_return")
      )
      published = ""
      if agent in game.published:
        published = f"about {game.published[agent]}"
      rows.append([game.title, title, training, published, greedy])
  return report.markdown_table(header, rows)


def _each(seeds: Sequence[dict], key: str) -> str:
  return ", ".join(f"{seed[key]:.1f}" for seed in seeds)
