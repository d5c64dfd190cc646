"""A tracking service that writes what it is asked to a file; it may fail.

`Mlflow.tags` says how: "file" is the file, "fails" names the calls of a method
that fail, such as "write 1 3", "dies" one in which its process ends, and
"sleeps" how long a `write` takes, in seconds.
"""

import json
import os
import pathlib
import time

from agents_pipeline import errors
from agents_pipeline.runs.sinks import service

ENVIRON = {"RECORDING_SERVICE": "set"}


def make_service(config):
  return RecordingService(config.tags)


class RecordingService:
  """Refuses, fails or dies where it is told to."""

  def __init__(self, tags):
    self._path = pathlib.Path(tags["file"])
    self._tags, self._counts = tags, {}
    self._env_steps = -1

  def connect(self):
    assert os.environ["RECORDING_SERVICE"] == "set"
    print("not to be seen")
    if "refuses" in self._tags:
      raise errors.UserError(self._tags["refuses"])

  def open(self, about):
    self._count("open")
    self._add("open", about.id, about.name, about.parameters["Experiment.seed"])
    lines = map(json.loads, self._path.read_text().splitlines())
    had = [rest[0] for kind, *rest in lines if kind == "row"]
    return service.Opened(max(had, default=-1), "in a file")

  def write(self, rows):
    self._count("write")
    time.sleep(float(self._tags.get("sleeps", 0)))
    for row in rows:
      videos = [path.name for path in row.videos]
      self._add("row", row.env_steps, dict(row.values), videos)
    return rows[-1].env_steps

  def finish(self, env_steps, values, videos):
    self._count("finish")
    self._add("finish", env_steps, values)

  def close(self, outcome):
    self._add("close", outcome)

  def _count(self, method):
    count = self._counts[method] = self._counts.get(method, 0) + 1
    name, *failing = self._tags.get("fails", "-").split()
    if name == method and str(count) in failing:
      raise ConnectionError(f"{method} {count} fails\nfor a reason")
    if self._tags.get("dies") == method:
      os._exit(1)

  def _add(self, *what):
    with self._path.open("a") as file:
      file.write(json.dumps(what) + "\n")
