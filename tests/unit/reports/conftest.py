"""Run folders as training leaves them, made without training."""

import json

import pytest

from agents_pipeline.config import gin_files
from agents_pipeline.files import run_folder
from agents_pipeline.reports import run_data


@pytest.fixture
def make_run(make_experiment, tmp_path):
  """Makes a run folder: `make_run(name, *bindings, **what)`; see `_write`."""
  return lambda name, *bindings, **what: _write(
    tmp_path / name, make_experiment(*bindings), **what
  )


@pytest.fixture
def read_run(make_run):
  """Makes a run folder and reads it."""

  def make_and_read(name, *bindings, **what):
    return run_data.read(make_run(name, *bindings, **what), name)

  return make_and_read


def _write(
  root,
  experiment,
  *,
  seed=0,
  outcome="finished",
  returns=(10.0, 20.0),
  evaluations=((0, 1.0), (300, 5.0)),
  episodes=((10, 10.0), (30, 20.0)),
  video=b"",
  **record,
):
  """Writes a run folder.

  Args:
    root: the folder.
    experiment: its configuration.
    seed: of the run.
    outcome: as run.json has it; None leaves out the end of the run.
    returns: of the final evaluation; () leaves it out.
    evaluations: (env steps, return) of each row of metrics.csv.
    episodes: (env steps, return) of each training episode.
    video: the content of trained.mp4, if any.
    **record: more of run.json.
  """
  folder = run_folder.RunFolder(root)
  folder.videos.mkdir(parents=True)
  folder.config.write_text(gin_files.to_text(experiment))
  content = {
    "seed": seed,
    "starts": ["2026-11-27T12:00:00+00:00"],
    "git_commit": "0123456789abcdef+",
    "python": "3.11.7",
    "packages": {"tensorflow": "2.21.0"},
    "device": "cpu",
    "machine": {"system": "Linux", "cores": 2},
    "outcome": outcome,
    "seconds": {"training": 3.0, "evaluation": 1.0},
  }
  folder.run_record.write_text(json.dumps(content | record))
  if returns:
    mean = sum(returns) / len(returns)
    folder.evaluation.write_text(
      json.dumps(
        {
          "mean_return": mean,
          "interval_95": [min(returns), max(returns)],
          "returns": list(returns),
          "policy_env_steps": 200,
        }
      )
    )
  _write_rows(folder.metrics, "env_steps,evaluation_return", evaluations)
  _write_rows(folder.episodes, "env_steps,episode_return", episodes)
  _write_rows(
    folder.timing,
    "env_steps,env_steps_per_second,train_steps_per_second",
    [(100, 50.0, 25.0), (200, 100.0, 50.0), (300, 900.0, 450.0)],
  )
  if video:
    folder.trained_video.write_bytes(video)
  return folder


def _write_rows(path, header, rows):
  lines = [",".join("" if v is None else f"{v}" for v in row) for row in rows]
  path.write_text("\n".join([header, *lines]) + "\n")
