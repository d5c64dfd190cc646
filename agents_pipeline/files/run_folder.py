"""Every path that a run writes, named once."""

import pathlib


class RunDirectory:
  """The run folder. docs/ and the README explain it to people."""

  def __init__(self, root: str | pathlib.Path):
    self.root = pathlib.Path(root)
    self.config = self.root / "config.gin"
    self.run_record = self.root / "run.json"
    self.metrics = self.root / "metrics.csv"
    self.timing = self.root / "timing.csv"
    self.episodes = self.root / "episodes.csv"
    self.checkpoints = self.root / "checkpoints"
    self.policy = self.root / "policy"
    self.tf_agents_policy = self.root / "tf_agents_policy"
    self.evaluation = self.root / "evaluation.json"
    self.videos = self.root / "videos"
    self.trained_video = self.videos / "trained.mp4"
    self.random_video = self.videos / "random.mp4"
    self.learning_curve = self.root / "learning_curve.png"
    self.traceback = self.root / "traceback.txt"

  def training_video(self, episode: int, ending: str) -> pathlib.Path:
    """The film made after so many episodes of training."""
    return self.videos / f"episode_{episode:06d}.{ending}"

  @property
  def is_begun(self) -> bool:
    """Whether a run has left its record, the first thing it writes."""
    return self.run_record.exists()

  @property
  def written(self) -> list[pathlib.Path]:
    """What lies here under a name that a run writes, its record last."""
    names = (
      self.checkpoints,
      self.config,
      self.metrics,
      self.timing,
      self.episodes,
      self.policy,
      self.tf_agents_policy,
      self.evaluation,
      self.videos,
      self.learning_curve,
      self.traceback,
      *self.root.glob("events.out.tfevents.*"),
      self.run_record,
    )
    return [path for path in names if path.exists()]
