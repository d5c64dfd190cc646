"""MLflow: what `service` asks of it. In a process of its own."""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents_pipeline import errors
from agents_pipeline.config import tracking
from agents_pipeline.runs.sinks import service

# Of the process. MLflow's own would wait minutes for a server that is gone, and
# tell its makers of every run.
ENVIRON = {
  "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
  "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
  "MLFLOW_DISABLE_TELEMETRY": "true",
  "GIT_PYTHON_REFRESH": "quiet",
}
_ID_TAG = "agents_pipeline.id"
_STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
# Of one request.
_MOST_METRICS, _MOST_PARAMETERS, _LONGEST_PARAMETER = 1_000, 100, 6_000


def make_service(config: tracking.Mlflow) -> service.Service:
  """Makes the service of a configuration."""
  return _Service(config)


class _Service:
  """A run of an MLflow experiment, found again by a tag."""

  def __init__(self, config: tracking.Mlflow):
    self._config = config
    self._client: Any = None
    self._run_id = ""
    # Every row has it, and a request adds all of a row or nothing.
    self._in_every_row = "time/train_steps"
    self._env_steps = -1
    self._may_have_more = False

  def connect(self) -> None:
    mlflow = service.load_package("mlflow", "@Mlflow()")
    variable = os.environ.get("MLFLOW_TRACKING_URI")
    uri, name = self._config.tracking_uri, self._config.experiment
    shown = f"Mlflow.tracking_uri = {uri!r}"
    if uri is None and variable:
      shown = f"MLFLOW_TRACKING_URI={variable!r}"
    try:
      self._client = mlflow.MlflowClient(uri or mlflow.get_tracking_uri())
      found = self._client.get_experiment_by_name(name)
    except Exception as error:
      raise errors.UserError(
        f"{shown}: expected a server or a database that answers "
        f"({service.first_line(error)})"
      ) from None
    if found is not None and found.lifecycle_stage == "deleted":
      raise errors.UserError(
        f"Mlflow.experiment = {name!r} was deleted; expected another name, or "
        f"that it is restored: mlflow experiments restore -x "
        f"{found.experiment_id}"
      )

  def open(self, about: service.About) -> service.Opened:
    self._run_id, experiment_id = self._find_or_create(about)
    self._client.update_run(self._run_id, status="RUNNING")
    for name, text in self._config.tags.items():  # they may have changed
      self._client.set_tag(self._run_id, name, text)
    self._client.log_text(self._run_id, about.config, "config.gin")
    self._log_parameters(about.parameters)
    self._env_steps = self._last_env_steps()
    uri = self._client.tracking_uri
    where = f"run {about.name!r} in {uri}"
    if uri.startswith("http"):
      where = f"{uri}/#/experiments/{experiment_id}/runs/{self._run_id}"
    return service.Opened(self._env_steps, where)

  def write(self, rows: Sequence[service.Row]) -> int:
    if self._may_have_more:
      self._env_steps = self._last_env_steps()
    self._may_have_more = True
    missing = [row for row in rows if row.env_steps > self._env_steps]
    for batch in _batches(missing):
      self._client.log_batch(self._run_id, metrics=_metrics(batch))
      self._env_steps = batch[-1].env_steps
    self._may_have_more = False
    for path in itertools.chain(*(row.videos for row in missing)):
      self._client.log_artifact(self._run_id, path, "videos")
    return self._env_steps

  def finish(
    self, env_steps: int, values: Mapping[str, float], videos: Sequence
  ) -> None:
    for tag, value in values.items():
      if env_steps not in self._steps(tag):  # of a run that ended right here
        self._client.log_metric(self._run_id, tag, value, step=env_steps)
    for path in videos:
      self._client.log_artifact(self._run_id, path, "videos")

  def close(self, outcome: str) -> None:
    if self._run_id:
      self._client.set_terminated(self._run_id, _STATUS[outcome])

  def _find_or_create(self, about: service.About) -> tuple[str, str]:
    """The ids of the run and of its experiment."""
    client, name = self._client, self._config.experiment
    experiment = client.get_experiment_by_name(name)
    experiment_id = (
      experiment.experiment_id
      if experiment is not None
      else client.create_experiment(name)
    )
    # By a tag that was chosen before: a run that was killed right after this
    # finds what it has created.
    found = client.search_runs(
      [experiment_id], f"tags.`{_ID_TAG}` = '{about.id}'", max_results=1
    )
    run = (
      found[0]
      if found
      else client.create_run(
        experiment_id,
        tags={_ID_TAG: about.id},
        run_name=about.name,
      )
    )
    return run.info.run_id, experiment_id

  def _log_parameters(self, parameters: Mapping[str, Any]) -> None:
    """Logs the new parameters: MLflow keeps the first value of each."""
    from mlflow import entities

    known = self._client.get_run(self._run_id).data.params
    new = [
      entities.Param(name, str(value)[:_LONGEST_PARAMETER])
      for name, value in parameters.items()
      if name not in known
    ]
    for i in range(0, len(new), _MOST_PARAMETERS):
      self._client.log_batch(self._run_id, params=new[i : i + _MOST_PARAMETERS])

  def _last_env_steps(self) -> int:
    return max(self._steps(self._in_every_row), default=-1)

  def _steps(self, tag: str) -> set[int]:
    history = self._client.get_metric_history(self._run_id, tag)
    return {metric.step for metric in history}


def _batches(rows: Sequence[service.Row]) -> Iterator[list[service.Row]]:
  """Yields batches of as many whole rows as one request takes."""
  batch: list[service.Row] = []
  for row in rows:
    size = sum(len(one.values) for one in (*batch, row))
    if batch and size > _MOST_METRICS:
      yield batch
      batch = []
    batch.append(row)
  if batch:
    yield batch


def _metrics(rows: Sequence[service.Row]) -> list:
  from mlflow import entities

  return [
    entities.Metric(tag, float(value), round(1000 * row.seconds), row.env_steps)
    for row in rows
    for tag, value in row.values.items()
  ]
