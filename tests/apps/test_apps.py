"""The binaries as a user runs them: exit codes, messages, files."""

import csv
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import endless_video
import imageio.v2 as imageio
import numpy as np
import pytest
import small_runs
import starter
import tensorflow as tf
from tf_agents.specs import tensor_spec

from agents_pipeline.agents.q_learning import network as q_network
from agents_pipeline.config import gin_files, seeding

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.slow

SMALL = small_runs.bindings(num_env_steps=600)
IN_PROCESSES = [
  "EnvironmentConfig.backend = 'gymnasium'",
  "EnvironmentConfig.num_envs = 2",
  "EnvironmentConfig.vectorization = 'async'",
]


def start(app, *arguments, **kwargs):
  return subprocess.Popen(
    [sys.executable, "-m", f"agents_pipeline.apps.{app}", *arguments],
    cwd=ROOT,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
    **kwargs,
  )


def run(app, *arguments):
  process = start(app, *arguments)
  out, err = process.communicate(timeout=300)
  return process.returncode, out, err


def train_flags(root, *bindings):
  return small_runs.flags(root, [*SMALL, *bindings])


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
  """A run folder that `train` made, and its stdout and stderr."""
  root = tmp_path_factory.mktemp("runs") / "tiny"
  code, out, err = run("train", *train_flags(root))
  assert code == 0, err
  return root, out, err


def test_train_writes_a_complete_run_folder(run_folder):
  root, _, _ = run_folder
  left = {p.name.split(".tfevents")[0] for p in root.iterdir()}
  assert left == {
    "config.gin", "run.json", "metrics.csv", "events.out", "checkpoints",
    "policy", "tf_agents_policy", "evaluation.json", "videos",
    "learning_curve.png", "episodes.csv", "evaluations.csv", "timing.csv",
    "report.html",
  }  # fmt: skip
  content = json.loads((root / "run.json").read_text())
  assert (content["outcome"], content["env_steps"]) == ("finished", 600)
  assert content["train_steps"] == 500
  assert "agents_pipeline.apps.train" in " ".join(content["command"]) or any(
    "train.py" in word for word in content["command"]
  )
  rows = list(csv.DictReader((root / "metrics.csv").open()))
  assert [int(r["env_steps"]) for r in rows] == [0, 100, 200, 400, 600]
  assert float(rows[-1]["loss"]) > 0
  assert float(rows[-1]["evaluation_return"]) > 5
  evaluation = json.loads((root / "evaluation.json").read_text())
  assert len(evaluation["returns"]) == evaluation["num_episodes"] == 3
  card = (root / "policy" / "README.md").read_text()
  assert card.startswith("# DQN policy for CartPole-v1\n")
  low, high = evaluation["interval_95"]
  assert (
    f"**{evaluation['mean_return']:,.2f}** over 3 greedy evaluation episodes; "
    f"95 % interval {low:,.2f} to {high:,.2f}," in card
  )


def test_train_trained(run_folder):
  """Every weight of the last checkpoint differs from the initial ones."""
  root, _, _ = run_folder
  experiment = gin_files.load_experiment([root / "config.gin"])
  untrained = q_network.make_q_network(
    experiment.agent,
    tensor_spec.TensorSpec((4,), tf.float32),
    tensor_spec.BoundedTensorSpec((), tf.int64, 0, 1),
    seeding.Seeds(0).network,
  )
  before = [v.numpy() for v in untrained.variables]
  saved = tf.train.Checkpoint(_q_network=untrained)
  newest = tf.train.latest_checkpoint(str(root / "checkpoints/env_steps-600"))
  tf.train.Checkpoint(agent=saved).restore(newest).expect_partial()
  assert len(before) == 4
  for initial, trained in zip(before, untrained.variables, strict=True):
    assert np.all(initial != trained.numpy())


def test_train_prints_few_and_short_lines(run_folder):
  _, out, err = run_folder
  lines = (out + err).splitlines()
  assert 3 < len(lines) < 20, err
  assert all(len(line) < 80 for line in lines if "/" not in line), err
  for noise in ("WARNING", "cuda", "XLA", "deprecated", "Traceback"):
    assert noise not in out + err
  assert lines[-1].split() == [
    f"{run_folder[0]}/report.html", *["all", "of", "it", "on", "one", "page"],
  ]  # fmt: skip


def test_the_report_has_the_results_and_the_video(run_folder):
  root, _, _ = run_folder
  page = (root / "report.html").read_text()
  mean = json.loads((root / "run.json").read_text())["mean_return"]
  assert f"<td>{mean:.2f}</td>" in page or f"<td>{mean:.1f}</td>" in page
  assert "A run on CartPole-v1, seed 0." in page and "<video" in page
  assert "Not finished" not in page


def test_compare_writes_one_page_of_many_runs(run_folder, tmp_path):
  root, _, _ = run_folder
  for name in ("one", "two"):
    shutil.copytree(root, tmp_path / "runs" / name)
  record = tmp_path / "runs" / "two" / "run.json"
  record.write_text(record.read_text().replace('"finished"', '"stopped"'))
  output = tmp_path / "report.html"
  code, out, err = run("compare", f"{tmp_path}/runs", f"--output={output}")
  assert (code, err) == (0, "")
  assert out == f"{output}: 2 runs of 1 configuration\n"
  page = output.read_text()
  assert "Not finished: 1 of 2 runs. two: stopped." in page
  assert 'href="runs/one/report.html"' in page


def test_videos_of_the_trained_and_the_random_policy(run_folder):
  root, _, _ = run_folder
  for name in ("trained", "random"):
    frames = imageio.mimread(root / "videos" / f"{name}.mp4", memtest=False)
    assert len(frames) > 8
    assert frames[0].shape == (400, 600, 3)
    assert frames[0].std() > 5


def test_running_again_says_that_it_is_finished(starting, run_folder):
  root, _, _ = run_folder
  before = (root / "metrics.csv").read_text()
  (root / "report.html").unlink()  # as if it was killed before it wrote this
  code, _, err = starting.run_app("train", train_flags(root), ROOT)
  assert code == 0
  assert "is finished: 600 env steps" in err
  assert (root / "metrics.csv").read_text() == before
  assert (root / "report.html").exists()


def test_evaluate_prints_and_writes(run_folder, tmp_path):
  root, _, _ = run_folder
  output = tmp_path / "found.json"
  flags = [f"--policy_dir={root}/policy", "--num_episodes=5", "--seed=3"]
  code, out, err = run("evaluate", *flags, f"--output={output}")
  assert code == 0, err
  assert out.startswith("CartPole-v1: mean return ")
  assert len(out.splitlines()) == 1
  content = json.loads(output.read_text())
  assert (content["num_episodes"], content["environment"]) == (5, "CartPole-v1")
  assert f"{content['mean_return']:.2f}" in out


def test_record_video_of_a_policy_and_of_random_actions(
  starting, run_folder, tmp_path
):
  root, _, _ = run_folder
  code, out, err = run(
    "record_video", f"--policy_dir={root}/policy",
    f"--output={tmp_path}/trained.gif", "--num_episodes=2",
  )  # fmt: skip
  assert code == 0, err
  assert len(imageio.mimread(tmp_path / "trained.gif", memtest=False)) > 8
  flags = [
    "--random_policy", "--environment=Acrobot-v1",
    f"--output={tmp_path}/random.mp4",
  ]  # fmt: skip
  code, out, err = starting.run_app("record_video", flags, ROOT)
  assert code == 0, err
  assert "Acrobot-v1, returns -" in out
  assert "was cut" not in out
  flags[1:] = [
    f"--environment=endless_video:{endless_video.NAME}",
    f"--output={tmp_path}/endless.mp4",
  ]
  code, out, err = starting.run_app("record_video", flags, ROOT)
  assert code == 0, err
  assert "returns 119.0 (an episode was cut before its end)\n" in out


def test_export_policy_writes_the_best_and_any_checkpoint(
  starting, run_folder, tmp_path
):
  root, _, _ = run_folder
  code, _, err = run(
    "export_policy", f"--root_dir={root}", f"--policy_dir={tmp_path}/best"
  )
  assert code == 0, err
  x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
  q_of = lambda folder: tf.saved_model.load(str(folder)).signatures[
    "serving_default"
  ](observation=tf.constant(x))["q_values"]
  np.testing.assert_allclose(q_of(tmp_path / "best"), q_of(root / "policy"))
  flags = [
    f"--root_dir={root}", f"--policy_dir={tmp_path}/early",
    "--checkpoint=env_steps-400",
  ]  # fmt: skip
  code, out, err = starting.run_app("export_policy", flags, ROOT)
  assert code == 0, err
  assert "after 400 env steps" in out
  reader = tf.train.load_checkpoint(str(root / "checkpoints/env_steps-400"))
  name = next(
    n
    for n in reader.get_variable_to_shape_map()
    if n.startswith("network/_advantage/bias/.ATTR")
  )
  bias = reader.get_tensor(name)
  early = tf.saved_model.load(str(tmp_path / "early"))
  assert any(np.array_equal(v, bias) for v in early._network_variables)
  flags = [
    f"--root_dir={root}", f"--policy_dir={tmp_path}/lite", "--format=tflite",
  ]  # fmt: skip
  code, out, err = starting.run_app("export_policy", flags, ROOT)
  assert (code, err) == (0, "")
  assert {p.name for p in (tmp_path / "lite").iterdir()} == {
    "policy.tflite", "policy.json", "README.md",
  }  # fmt: skip


def test_wrong_input_is_one_line_and_leaves_nothing(tmp_path):
  """Many more are in tests/inputs/."""
  new = tmp_path / "new"
  code, out, err = run(
    "train", f"--root_dir={new}", "--gin_file=configs/dqn_cartpole.gin",
    "--gin_bindings=EnvironmentConfig.name='CartPol-v1'",
  )  # fmt: skip
  assert err == (
    "error: unknown environment 'CartPol-v1': expected a registered gymnasium "
    "id or package.module:Id-v0; did you mean 'CartPole-v1'?\n"
  )
  assert (code, out) == (2, "")
  assert list(tmp_path.iterdir()) == []


def test_every_app_works_for_a2c(starting, tmp_path):
  """On a task of continuous actions, from training to export.

  DQN's tests start each binary as a user does.
  """
  root = tmp_path / "run"
  bindings = [
    *small_runs.bindings("a2c", "Pendulum-v1", num_env_steps=600),
    "EnvironmentConfig.num_envs = 4",
    "A2cConfig.normalize_observations = True",
  ]
  run_app = lambda app, *flags: starting.run_app(app, flags, ROOT)
  code, _, err = starting.run_app(
    "train",
    small_runs.flags(root, bindings),
    ROOT,
    replaced=starter.NO_VIDEOS,
  )
  assert code == 0, err
  assert max(map(len, err.splitlines())) <= 80 + len(str(root))
  header, *lines = (root / "metrics.csv").read_text().splitlines()
  for column in ("policy_loss", "value_loss", "entropy", "learning_rate"):
    assert column in header.split(",")
  assert "epsilon" not in header and len(lines) >= 4
  found = json.loads((root / "evaluation.json").read_text())
  assert found["greedy"] and -2000 < found["mean_return"] < -500
  model = tf.saved_model.load(str(root / "policy"))
  out = model.signatures["serving_default"](observation=tf.zeros((5, 3)))
  assert {k: v.shape.as_list() for k, v in out.items()} == {
    "action": [5, 1], "mean": [5, 1], "stddev": [5, 1], "value": [5]
  }  # fmt: skip
  policy = f"--policy_dir={root / 'policy'}"
  code, out, err = run_app("evaluate", policy, "--num_episodes=2")
  assert code == 0 and "Pendulum-v1" in out + err, err
  best = f"--root_dir={root}"  # is what was exported
  assert run_app("evaluate", best, "--num_episodes=2")[:2] == (0, out)
  latest = ("--checkpoint=latest", "--num_episodes=2", "--stochastic")
  code, sampled, err = run_app("evaluate", best, *latest)
  assert code == 0 and "2 stochastic episodes" in sampled, err
  assert run_app("evaluate", best, *latest)[1] == sampled
  code, _, err = run_app(
    "record_video", policy, f"--output={tmp_path / 'video.gif'}"
  )
  assert code == 0 and (tmp_path / "video.gif").stat().st_size > 10_000, err
  early = sorted((root / "checkpoints").iterdir())[0].name
  code, _, err = run_app(
    "export_policy", f"--root_dir={root}", f"--checkpoint={early}",
    f"--policy_dir={tmp_path / 'early'}",
  )  # fmt: skip
  assert code == 0, err
  about = tmp_path / "early" / "assets.extra" / "policy.json"
  assert json.loads(about.read_text())["agent"] == "a2c"


def test_help_lists_the_flags():
  code, out, _ = run("train", "--help")
  assert code == 0
  assert "--root_dir" in out and "--gin_bindings" in out


@pytest.mark.parametrize(
  ("number", "expected", "bindings"),
  [
    (signal.SIGTERM, 143, []),
    (signal.SIGINT, 130, IN_PROCESSES),
    (signal.SIGHUP, 129, IN_PROCESSES),
  ],
)
def test_a_signal_saves_and_the_next_start_resumes(
  starting, tmp_path, number, expected, bindings
):
  """To all processes of the run at once, as a terminal sends it."""
  root = tmp_path / "run"
  flags = train_flags(
    root, "TrainingConfig.num_env_steps = 100_000_000", *bindings
  )
  output = tmp_path / "output"
  output.mkdir()
  pid = starting.start_app("train", flags, ROOT, output)
  deadline = time.monotonic() + 120
  while not list(root.glob("checkpoints/env_steps-*")):
    assert time.monotonic() < deadline and not starter.has_ended(pid)
    time.sleep(0.02)
  os.killpg(pid, number)
  asked = time.monotonic()
  code = starting.wait(pid)
  assert time.monotonic() - asked < 30
  assert code == expected, (output / "err").read_text()
  assert json.loads((root / "run.json").read_text())["outcome"] == "stopped"
  assert "Not finished: stopped." in (root / "report.html").read_text()
  newest = max(
    int(p.name.split("-")[1]) for p in root.glob("checkpoints/env_steps-*")
  )
  last = list(csv.DictReader((root / "metrics.csv").open()))[-1]
  assert int(last["env_steps"]) <= newest
  if number == signal.SIGTERM:
    shorter = f"TrainingConfig.num_env_steps = {newest + 200}"
    code, _, err = starting.run_app(
      "train", train_flags(root, shorter), ROOT, replaced=starter.NO_VIDEOS
    )
    assert code == 0, err
    assert f"resuming at {newest:,} env steps" in err


def test_a_diverging_run_exits_with_one(starting, tmp_path):
  root = tmp_path / "run"
  diverges = "Adam.learning_rate = 1e25", "DqnConfig.loss = 'squared'"
  flags = train_flags(root, *diverges)
  code, _, err = starting.run_app("train", flags, ROOT)
  assert code == 1
  assert err.splitlines()[-1].startswith("error: diverged: loss is not finite")
  assert "Traceback" not in err
  assert json.loads((root / "run.json").read_text())["outcome"] == "failed"
  assert "Not finished: failed." in (root / "report.html").read_text()


def test_importing_tensorflow_first_is_explained_in_one_line():
  code = "import tensorflow, agents_pipeline"
  found = subprocess.run(
    [sys.executable, "-c", code],
    cwd=ROOT,
    capture_output=True,
    text=True,
    env={k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"},
  )
  assert found.returncode == 1
  assert found.stderr.splitlines()[-1] == (
    "ImportError: agents_pipeline needs Keras 2, and TensorFlow was imported "
    "before it: import agents_pipeline first, or set TF_USE_LEGACY_KERAS=1"
  )


def test_environments_in_processes_of_their_own_end_with_the_run(
  starting, tmp_path
):
  flags = train_flags(
    tmp_path / "run", *IN_PROCESSES, "TrainingConfig.num_env_steps = 200"
  )
  code, _, err = starting.run_app(
    "train", flags, ROOT, replaced=starter.NO_VIDEOS
  )
  assert code == 0, err
  content = json.loads((tmp_path / "run" / "run.json").read_text())
  assert (content["outcome"], content["env_steps"]) == ("finished", 200)
