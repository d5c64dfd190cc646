"""Paths within a run folder."""

import pathlib


class RunFolder:
  """Every file and folder of a run; docs/run_folder.md describes each.

  Attributes:
    root: the run folder itself, `--root_dir`.
    config: every configuration value in force, as gin text.
    run_record: run.json, see `runs/run_record.py`.
    metrics: a table with one row per result.
    timing: a table of throughput, one row per result.
    episodes: a table with one row per training episode.
    evaluations: a table with one row per episode of the evaluations while
      training.
    checkpoints: the folder of the checkpoint folders.
    policy: the SavedModel of the best policy.
    tf_agents_policy: the same policy, as TF-Agents' `PolicySaver` writes it.
    evaluation: the final evaluation.
    videos: the folder of the videos.
    trained_video: the video of the best policy, in `videos`.
    random_video: the video of random actions, in `videos`.
    learning_curve: the picture of returns over env steps.
    report: the page with all of this, see `reports/page.py`.
    tracking: the file with the run's id at tracking services; absent without
      one.
    wandb: the folder that Weights & Biases writes; absent without it.
    learners: the folder of what all learners but the first need to resume, and
      of what each of them prints; absent where there is one learner alone.
    traceback: the traceback of an environment that raised; absent otherwise.
  """

  def __init__(self, root: str | pathlib.Path):
    """Names the paths; nothing is read or written."""
    self.root = pathlib.Path(root)
    self.config = self.root / "config.gin"
    self.run_record = self.root / "run.json"
    self.metrics = self.root / "metrics.csv"
    self.timing = self.root / "timing.csv"
    self.episodes = self.root / "episodes.csv"
    self.evaluations = self.root / "evaluations.csv"
    self.checkpoints = self.root / "checkpoints"
    self.policy = self.root / "policy"
    self.tf_agents_policy = self.root / "tf_agents_policy"
    self.evaluation = self.root / "evaluation.json"
    self.videos = self.root / "videos"
    self.trained_video = self.videos / "trained.mp4"
    self.random_video = self.videos / "random.mp4"
    self.learning_curve = self.root / "learning_curve.png"
    self.report = self.root / "report.html"
    self.tracking = self.root / "tracking.json"
    self.wandb = self.root / "wandb"
    self.learners = self.root / "learners"
    self.traceback = self.root / "traceback.txt"

  def training_video(self, episode: int, suffix: str) -> pathlib.Path:
    """The video recorded after a number of training episodes.

    Args:
      episode: the number of training episodes finished so far.
      suffix: the suffix of the file, without the dot.
    """
    return self.videos / f"episode_{episode:06d}.{suffix}"

  @property
  def has_run(self) -> bool:
    """Whether a run has written its record, the first file of every run."""
    return self.run_record.exists()

  @property
  def existing_paths(self) -> list[pathlib.Path]:
    """Whatever exists of the files and folders of a run, its record last."""
    paths = (
      self.checkpoints,
      self.config,
      self.metrics,
      self.timing,
      self.episodes,
      self.evaluations,
      self.policy,
      self.tf_agents_policy,
      self.evaluation,
      self.videos,
      self.learning_curve,
      self.report,
      self.tracking,
      self.wandb,
      self.traceback,
      *self.root.glob("events.out.tfevents.*"),
      self.run_record,
    )
    return [path for path in paths if path.exists()]
