"""MLflow for real: its own server and its own database, on this machine."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
import small_runs

from agents_pipeline import errors
from agents_pipeline.files import tables

pytestmark = pytest.mark.slow
mlflow = pytest.importorskip("mlflow", reason="needs mlflow: make tracking")


class Server:
  """MLflow's server with a database in a folder, on loopback."""

  def __init__(self, folder):
    self._folder = folder
    with socket.socket() as free:
      free.bind(("127.0.0.1", 0))
      self._port = free.getsockname()[1]
    self.uri = f"http://127.0.0.1:{self._port}"
    self.start()

  def start(self):
    with open(self._folder / "server.log", "a") as output:
      self._process = subprocess.Popen(
        [
          sys.executable, "-m", "mlflow", "server", "--workers=1",
          "--host=127.0.0.1", f"--port={self._port}",
          f"--backend-store-uri=sqlite:///{self._folder}/server.db",
          f"--artifacts-destination={self._folder}/artifacts",
        ],
        stdout=output, stderr=output, start_new_session=True,
        env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},
      )  # fmt: skip
    deadline = time.monotonic() + 120
    while not self._answers():
      assert time.monotonic() < deadline, self._folder / "server.log"
      time.sleep(0.2)

  def stop(self):
    os.killpg(self._process.pid, 15)
    self._process.wait()

  def _answers(self):
    try:
      return urllib.request.urlopen(f"{self.uri}/health", timeout=1).status
    except OSError:
      return False


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
  """What MLflow makes at its first use, which takes seconds: to be copied."""
  path = tmp_path_factory.mktemp("database") / "empty.db"
  mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
  return path


@pytest.fixture(scope="module")
def server(tmp_path_factory, empty_database):
  folder = tmp_path_factory.mktemp("server")
  shutil.copy(empty_database, folder / "server.db")
  started = Server(folder)
  yield started
  started.stop()


def bindings_of(uri, name):
  return [
    "TrackingConfig.sinks = (@Mlflow(),)",
    f"Mlflow.tracking_uri = '{uri}'",
    f"Mlflow.experiment = '{name}'",
    "Mlflow.tags = {'team': 'control'}",
  ]


@pytest.fixture
def train(make_experiment, starting, tmp_path):
  def run(uri, name, *bindings, **fields):
    experiment = make_experiment(*bindings_of(uri, name), *bindings)
    return starting.train(experiment, tmp_path / name, **fields)

  return run


def tracked(uri, name):
  """The only run of an experiment, and its points by tag."""
  client = mlflow.MlflowClient(uri)
  experiment = client.get_experiment_by_name(name)
  (run,) = client.search_runs([experiment.experiment_id])
  points = {
    tag: [
      (point.step, point.value)
      for point in client.get_metric_history(run.info.run_id, tag)
    ]
    for tag in run.data.metrics
  }
  return run, points, client


def assert_has_the_table(points, folder):
  rows = tables.read(folder.metrics)
  for tag, column in (
    ("train/loss", "loss"), ("evaluation/return", "evaluation_return"),
    ("time/train_steps", "train_steps"), ("episodes/length", "episode_length"),
  ):  # fmt: skip
    assert sorted(points[tag]) == [
      (row["env_steps"], pytest.approx(row[column], rel=1e-5))
      for row in rows
      if row[column] is not None
    ]
  timed = [row["env_steps"] for row in tables.read(folder.timing)]
  assert sorted(s for s, _ in points["time/env_steps_per_second"]) == timed


def test_a_run_that_is_resumed_is_one_run_of_the_server(server, train):
  uri = server.uri
  stopped = train(uri, "resumed", max_results=2)
  run, points, _ = tracked(uri, "resumed")
  assert run.info.status == "KILLED"
  assert_has_the_table(points, stopped.folder)
  outcome = train(uri, "resumed", "VideoConfig.period_episodes = 10")
  again, points, client = tracked(uri, "resumed")
  assert again.info.run_id == run.info.run_id
  assert again.info.status == "FINISHED"
  assert_has_the_table(points, outcome.folder)
  assert again.info.run_name == "resumed"
  assert again.data.tags["team"] == "control"
  assert again.data.params["DqnConfig.hidden_layers"] == "(16,)"
  names = {file.path for file in client.list_artifacts(run.info.run_id)}
  assert "config.gin" in names
  videos = sorted(outcome.folder.videos.iterdir())
  found = client.list_artifacts(run.info.run_id, "videos") if videos else []
  assert [f.path for f in found] == [f"videos/{v.name}" for v in videos]
  assert any(f"{uri}/#/experiments/" in line for line in outcome.printed)


def test_a_database_needs_no_server(train, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  outcome = train(f"sqlite:///{tmp_path}/mlflow.db", "alone")
  run, points, _ = tracked(f"sqlite:///{tmp_path}/mlflow.db", "alone")
  assert run.info.status == "FINISHED"
  assert_has_the_table(points, outcome.folder)


def test_a_server_that_goes_and_comes_back_lacks_nothing(
  server, make_experiment, train, tmp_path
):
  results = small_runs.ResultCounter()
  gone = []

  def stop_requested():
    if results.count == 2 and not gone:
      gone.append(server.stop())
    return False

  outcome = small_runs.train(
    make_experiment(*bindings_of(server.uri, "gone")),
    tmp_path / "gone",
    stop_requested=stop_requested,
    extra_sinks=[lambda *_: results],
  )
  assert outcome.completed and gone
  (line,) = [line for line in outcome.printed if "the run goes on" in line]
  assert line.startswith("@Mlflow(): ")
  server.start()
  longer = "TrainingConfig.num_env_steps = 400"
  outcome = train(server.uri, "gone", longer)
  _, points, _ = tracked(server.uri, "gone")
  assert_has_the_table(points, outcome.folder)


@pytest.mark.parametrize(
  ("uri", "reason"),
  [
    ("http://127.0.0.1:9", "that answers (.*127.0.0.1.*)"),
    ("sqlite:////dev/null/x.db", "that answers (.*dev/null"),
    ("ftp://server", "that answers (.*ftp"),
  ],
)
def test_a_server_that_is_not_there_is_one_line(
  make_experiment, tmp_path, uri, reason
):
  experiment = make_experiment(
    "TrackingConfig.sinks = (@Mlflow(),)", f"Mlflow.tracking_uri = '{uri}'"
  )
  with pytest.raises(errors.UserError) as caught:
    small_runs.train(experiment, tmp_path / "run")
  message = str(caught.value)
  assert message.startswith(f"Mlflow.tracking_uri = '{uri}': expected a server")
  assert "\n" not in message
  assert not (tmp_path / "run").exists()


def test_a_deleted_experiment_is_one_line(
  make_experiment, empty_database, tmp_path
):
  uri = f"sqlite:///{shutil.copy(empty_database, tmp_path / 'mlflow.db')}"
  client = mlflow.MlflowClient(uri)
  client.delete_experiment(client.create_experiment("old"))
  experiment = make_experiment(
    "TrackingConfig.sinks = (@Mlflow(),)",
    f"Mlflow.tracking_uri = '{uri}'",
    "Mlflow.experiment = 'old'",
  )
  with pytest.raises(errors.UserError, match="'old' was deleted; expected ano"):
    small_runs.train(experiment, tmp_path / "run")
