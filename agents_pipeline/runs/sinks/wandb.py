"""Weights & Biases: what `service` asks of it. In a process of its own."""

import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from agents_pipeline import errors
from agents_pipeline.config import tracking
from agents_pipeline.runs.sinks import service

ENVIRON: dict[str, str] = {}
_LOGIN_SECONDS = 20


def make_service(config: tracking.WandB) -> service.Service:
  """Makes the service of a configuration."""
  return _Service(config)


class _Service:
  """A run of a project, which has the id that the run folder keeps."""

  def __init__(self, config: tracking.WandB):
    self._config = config
    variable = os.environ.get("WANDB_MODE")
    self._is_offline = "offline" in (config.mode, variable)
    self._wandb: Any = None
    self._run: Any = None
    self._record = pathlib.Path()
    self._place = f"{config.entity or ''}/{config.project}"
    self._env_steps = -1

  def connect(self) -> None:
    self._wandb = wandb = service.load_package("wandb", "@WandB()")
    if self._is_offline:
      return
    server = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")
    try:
      is_logged_in = wandb.login(verify=True, timeout=_LOGIN_SECONDS)
      reason = "not logged in"
    except Exception as error:
      is_logged_in, reason = False, service.first_line(error)
    if not is_logged_in:
      raise errors.UserError(
        f"WandB.mode = 'online': expected to be logged in to {server} "
        f"({reason}): `wandb login` or WANDB_API_KEY; WandB.mode = 'offline' "
        "needs neither"
      )

  def open(self, about: service.About) -> service.Opened:
    self._run = self._wandb.init(
      project=self._config.project,
      entity=self._config.entity,
      mode="offline" if self._is_offline else "online",
      tags=list(self._config.tags),
      id=about.id,
      resume="allow",
      name=about.name,
      dir=str(about.folder),
      config=_nested(about.parameters),
      allow_val_change=True,
      settings=self._wandb.Settings(console="off", silent=True),
    )
    pathlib.Path(self._run.dir, "config.gin").write_text(about.config, "utf-8")
    files = about.folder / "wandb"
    self._record = files / "last_env_steps.json"
    if self._is_offline:
      if self._record.exists():
        sent = json.loads(self._record.read_text("utf-8"))
        self._env_steps = sent.get(self._place, -1)
      where = f"offline; `wandb sync {files}` uploads it"
      return service.Opened(self._env_steps, where)
    if self._run.resumed:
      self._env_steps = self._run.starting_step - 1  # that is the next step
    return service.Opened(self._env_steps, self._run.url)

  def write(self, rows: Sequence[service.Row]) -> int:
    for row in rows:
      if row.env_steps > self._env_steps:
        values = dict(row.values)
        for path in row.videos:
          values["evaluation/video"] = self._video(path)
        self._run.log(values, step=row.env_steps, commit=True)
        self._env_steps = row.env_steps
        self._remember()
    return self._env_steps

  def finish(
    self, env_steps: int, values: Mapping[str, float], videos: Sequence
  ) -> None:
    self._run.summary.update(dict(values))
    for path in videos:
      self._run.log({"evaluation/final_video": self._video(path)})

  def close(self, outcome: str) -> None:
    if self._run is not None:
      self._run.finish(exit_code=int(outcome == "failed"))

  def _remember(self) -> None:
    """Notes which row was the last: what is offline cannot be asked."""
    partial = self._record.with_suffix(".partial")
    with partial.open("w") as file:
      json.dump({self._place: self._env_steps}, file)
      file.flush()
      os.fsync(file.fileno())
    partial.replace(self._record)

  def _video(self, path: pathlib.Path) -> Any:
    if path.suffix == ".html":
      return self._wandb.Html(path.read_text("utf-8"))
    return self._wandb.Video(str(path), format=path.suffix[1:])


def _nested(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
  """Class -> field -> value: a dot in a name would be in the way of filters."""
  found: dict[str, dict[str, Any]] = {}
  for name, value in parameters.items():
    owner, _, field = name.partition(".")
    found.setdefault(owner, {})[field] = value
  return found
