"""On a GPU: every configuration, the same run twice and after kills, and the
policy on a CPU. `make test-gpu`; skipped where there is no GPU."""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytestmark = [pytest.mark.gpu, pytest.mark.slow]

ROOT = pathlib.Path(__file__).parents[2]
CONFIGS = sorted(path.stem for path in (ROOT / "configs").glob("*.gin"))
# DQN and A2C, environments of TensorFlow ops and of Python, and convolutions.
REPEATED = ["dqn_cartpole", "a2c_cartpole", "dqn_catch", "a2c_pendulum"]
AT_ONCE = 8

SHORT = [
  "TrainingConfig.num_env_steps = 4_000",
  "TrainingConfig.log_period_env_steps = 500",
  "TrainingConfig.checkpoint_period_env_steps = 1_000",
  "EvaluationConfig.period_env_steps = 2_000",
  "EvaluationConfig.num_episodes_while_training = 2",
  "EvaluationConfig.num_episodes = 2",
]
SHORTER = {
  "dqn_atari": [
    "TrainingConfig.num_env_steps = 1_600",
    "DqnConfig.num_random_env_steps = 800",
    "DqnConfig.num_env_steps_before_training = 800",
    "ReplayConfig.capacity_env_steps = 5_000",
  ],
  "dqn_cartpole_pixels": ["TrainingConfig.num_env_steps = 2_000"],
}

# Saves what policies give for the same observations, on whichever device.
SERVE = """
import sys
import numpy as np, tensorflow as tf
device = tf.config.list_logical_devices()[-1].device_type
for policy in sys.argv[2:]:
  serve = tf.saved_model.load(policy).signatures["serving_default"]
  (name, spec), = serve.structured_input_signature[1].items()
  draw = np.random.default_rng(0)
  shape = (64, *spec.shape[1:])
  x = (draw.integers(0, 256, shape) if spec.dtype.is_integer else
       draw.uniform(-1, 1, shape) if spec.dtype.is_floating else
       draw.integers(0, 2, shape))
  found = serve(**{name: tf.constant(x.astype(spec.dtype.as_numpy_dtype))})
  np.savez(policy + sys.argv[1], device=device, **found)
"""


def command(config, root):
  bindings = [*SHORT, *SHORTER.get(config, [])]
  return [
    sys.executable, "-m", "agents_pipeline.apps.train",
    f"--gin_file={ROOT / 'configs' / config}.gin", f"--root_dir={root}",
    "--device=gpu", "--seed=3", *(f"--gin_bindings={b}" for b in bindings),
  ]  # fmt: skip


def train(config, root):
  """Trains on the GPU; returns the exit code and what was printed."""
  done = subprocess.run(
    command(config, root), cwd=ROOT, capture_output=True, text=True, timeout=500
  )
  return done.returncode, done.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  """Every configuration, and some of them again: name -> (code, stderr)."""
  folder = tmp_path_factory.mktemp("gpu")
  names = [*CONFIGS, *(f"{name}.again" for name in REPEATED)]
  with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
    run = lambda name: train(name.partition(".")[0], folder / name)
    return folder, dict(zip(names, pool.map(run, names), strict=True))


@pytest.mark.parametrize("config", CONFIGS)
def test_every_configuration_trains_to_its_end(trained, config):
  folder, runs = trained
  code, stderr = runs[config]
  assert code == 0, stderr[-2_000:]
  record = json.loads((folder / config / "run.json").read_text())
  assert (record["device"], record["outcome"]) == ("gpu", "finished")


@pytest.fixture(scope="module")
def served(trained):
  """What every policy gives: config -> (on the GPU, on a CPU)."""
  folder, _ = trained
  policies = [str(folder / config / "policy") for config in CONFIGS]
  processes = [
    subprocess.Popen(
      [sys.executable, "-c", SERVE, f".{device}.npz", *policies],
      env=os.environ | hidden,
    )
    for device, hidden in (("GPU", {}), ("CPU", {"CUDA_VISIBLE_DEVICES": "-1"}))
  ]
  assert [process.wait() for process in processes] == [0, 0]
  return {
    config: [
      dict(np.load(f"{policy}.{device}.npz")) for device in ("GPU", "CPU")
    ]
    for config, policy in zip(CONFIGS, policies, strict=True)
  }


@pytest.mark.parametrize("config", CONFIGS)
def test_the_policy_acts_the_same_on_a_cpu(served, config):
  gpu, cpu = served[config]
  assert [str(found.pop("device")) for found in (gpu, cpu)] == ["GPU", "CPU"]
  # A GPU's products have 10 bits of mantissa (TF32) unless told otherwise.
  for name in gpu.keys() - {"action"}:
    scale = np.abs(cpu[name]).max() + 1e-3
    np.testing.assert_allclose(gpu[name], cpu[name], atol=0.02 * scale)
  if "q_values" in gpu:  # where two actions are not as good as each other
    ordered = np.sort(cpu["q_values"], axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > 0.04 * np.abs(ordered).max()
    np.testing.assert_array_equal(gpu["action"][clear], cpu["action"][clear])


def tables_of(root):
  return {
    name: (root / name).read_bytes() for name in ("metrics.csv", "episodes.csv")
  }


@pytest.mark.parametrize("config", REPEATED)
def test_one_seed_gives_one_run(trained, config):
  folder, _ = trained
  assert tables_of(folder / config) == tables_of(folder / f"{config}.again")


def killed_and_resumed(config, root):
  """Kills a run three times, each time later; then lets it end."""
  for rows in (2, 4, 6):
    process = subprocess.Popen(
      command(config, root), cwd=ROOT,
      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while process.poll() is None and num_rows(root) < rows:
      time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"
  return train(config, root)


def test_killed_three_times_it_ends_as_if_never_killed(trained, tmp_path):
  folder, _ = trained
  with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
    run = lambda config: killed_and_resumed(config, tmp_path / config)
    outcomes = dict(zip(REPEATED, pool.map(run, REPEATED), strict=True))
  for config, (code, stderr) in outcomes.items():
    assert code == 0, stderr[-2_000:]
    assert tables_of(tmp_path / config) == tables_of(folder / config), config


def test_free_memory_is_known():
  code = (
    "import agents_pipeline; from agents_pipeline.ops import gpu; "
    "from agents_pipeline.training import device; device.choose('gpu'); "
    "print(gpu.free_memory())"
  )
  found = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT)
  assert int(found) > 2**30


def num_rows(root):
  """Rows of metrics.csv without its head."""
  table = root / "metrics.csv"
  return table.read_text().count("\n") - 1 if table.exists() else 0
