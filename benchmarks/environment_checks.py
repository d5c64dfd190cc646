"""What `benchmarks.environments` does with a row: every command, as a user.

Each runs in a process of its own, in the folder of the row, where packages may
leave files of theirs.
"""

import json
import math
import os
import pathlib
import signal
import subprocess
import sys

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from agents_pipeline.files import run_folder
from benchmarks import commands, environment_rows

_ROOT = pathlib.Path(__file__).parents[1]
_MAX_SECONDS = 600.0  # of one command
_NUM_EPISODES = 2
_FEW_SHADES = 32  # compressing leaves some of one color

_SHORT = (
  "TrainingConfig.num_env_steps = 2_000",
  "TrainingConfig.log_period_env_steps = 500",
  "TrainingConfig.checkpoint_period_env_steps = 1_000",
  "EvaluationConfig.period_env_steps = 1_000",
  f"EvaluationConfig.num_episodes_while_training = {_NUM_EPISODES}",
  f"EvaluationConfig.num_episodes = {_NUM_EPISODES}",
)
_OF_AGENT = {
  "dqn": (
    "Experiment.agent = @DqnConfig()",
    "DqnConfig.num_random_env_steps = 200",
    "DqnConfig.num_env_steps_before_training = 200",
    "DqnConfig.hidden_layers = (64, 64)",
    "DqnConfig.batch_size = 32",
    "ReplayConfig.capacity_env_steps = 2_000",
  ),
  "a2c": (
    "Experiment.agent = @A2cConfig()",
    "EnvironmentConfig.num_envs = 2",
  ),
}


def problem_of(row: environment_rows.Row, folder: pathlib.Path) -> str:
  """Runs a row; returns what is not as it should be, or "".

  Args:
    row: the row, which says what is expected.
    folder: an empty folder for this row alone.
  """
  try:
    if row.refused is not None:
      _check_refused(_train(row, folder), row.refused)
      return ""
    _check("train", _train(row, folder))
    run = _run_folder(folder)
    _check_evaluation(run.evaluation)
    _check_evaluate(run, folder)
    if row.renders:
      _check_video(run.trained_video)
      _check_record_video(run, folder)
    _check_serving(run, folder)
  except errors.RunError as error:
    return str(error)
  return ""


def _run_folder(folder: pathlib.Path) -> run_folder.RunFolder:
  return run_folder.RunFolder(folder / "run")


def _python(
  folder: pathlib.Path, module: str, *flags: str
) -> subprocess.CompletedProcess:
  """Runs a module of this project, in a session of its own.

  Raises:
    RunError: the module takes too long; whatever it had started is killed with
      it.
  """
  before = os.environ.get("PYTHONPATH")
  environ = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(_ROOT), *([before] if before else [])]),
    # Records MuJoCo without a display.
    "MUJOCO_GL": os.environ.get("MUJOCO_GL", "osmesa"),
  }
  process = subprocess.Popen(
    [sys.executable, "-m", module, *flags],
    cwd=folder,
    env=environ,
    stdin=subprocess.DEVNULL,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    errors="replace",
    start_new_session=True,
  )
  try:
    printed = process.communicate(timeout=_MAX_SECONDS)
  except subprocess.TimeoutExpired:
    name = module.rpartition(".")[2]
    raise errors.RunError(
      f"{name}: took more than {_MAX_SECONDS:.0f} s"
    ) from None
  finally:
    if process.returncode is None:
      os.killpg(process.pid, signal.SIGKILL)
      process.wait()
  return subprocess.CompletedProcess(process.args, process.returncode, *printed)


def bindings_of(row: environment_rows.Row) -> list[str]:
  """The gin bindings of every row, and the row's own."""
  if row.agent is None:
    return [*_SHORT, *row.bindings]
  name = f"EnvironmentConfig.name = {row.environment!r}"
  return [*_SHORT, *_OF_AGENT[row.agent], name, *row.bindings]


def _train(
  row: environment_rows.Row, folder: pathlib.Path
) -> subprocess.CompletedProcess:
  by_name = [f"--environment={row.environment}"] if row.agent is None else []
  done = _python(
    folder,
    "agents_pipeline.apps.train",
    f"--root_dir={_run_folder(folder).root}",
    *by_name,
    *(f"--gin_bindings={binding}" for binding in bindings_of(row)),
  )
  (folder / "train.txt").write_text(done.stdout + done.stderr, "utf-8")
  return done


def _check(name: str, done: subprocess.CompletedProcess) -> None:
  if done.returncode:
    raise errors.RunError(
      f"{name}: exit code {done.returncode}: "
      f"{commands.last_line(done.stderr).removeprefix('error: ')}"
    )


def _check_refused(done: subprocess.CompletedProcess, text: str) -> None:
  """Wants exit code 2 and one line with a text."""
  lines = [s for s in done.stderr.splitlines() if s.startswith("error: ")]
  last = commands.last_line(done.stderr)
  if done.returncode != command_line.WRONG_INPUT:
    raise errors.RunError(
      f"train: expected exit code {command_line.WRONG_INPUT}, got "
      f"{done.returncode}: {last}"
    )
  if len(lines) != 1 or lines[0] != last or "Traceback" in done.stderr:
    raise errors.RunError(f"train: expected one line at the end: {last}")
  if text not in last:
    raise errors.RunError(f"train: expected {text!r} in the line: {last}")


def _check_evaluation(path: pathlib.Path) -> None:
  """Reads the returns of an evaluation."""
  try:
    returns = json.loads(path.read_text("utf-8"))["returns"]
  except (OSError, ValueError, KeyError) as error:
    raise errors.RunError(f"{path.name}: {error!r}") from None
  if len(returns) != _NUM_EPISODES or not all(map(math.isfinite, returns)):
    raise errors.RunError(
      f"{path.name}: expected {_NUM_EPISODES} finite returns, got {returns}"
    )


def _check_evaluate(run: run_folder.RunFolder, folder: pathlib.Path) -> None:
  output = folder / "evaluated.json"
  done = _python(
    folder,
    "agents_pipeline.apps.evaluate",
    f"--policy_dir={run.policy}",
    f"--num_episodes={_NUM_EPISODES}",
    f"--output={output}",
  )
  _check("evaluate", done)
  _check_evaluation(output)


def _check_record_video(
  run: run_folder.RunFolder, folder: pathlib.Path
) -> None:
  output = folder / "recorded.mp4"
  done = _python(
    folder,
    "agents_pipeline.apps.record_video",
    f"--policy_dir={run.policy}",
    f"--output={output}",
  )
  _check("record_video", done)
  _check_video(output)


def _check_video(path: pathlib.Path) -> None:
  """Wants frames that show something.

  Only the last may be of one color: Doom is black when an episode has ended.
  """
  import imageio.v3 as iio

  if not path.exists():
    raise errors.RunError(f"{path.name}: there is none")
  shades = [
    int(frame.max()) - int(frame.min())
    for frame in iio.imiter(path, plugin="FFMPEG")
  ]
  if len(shades) < 2:
    raise errors.RunError(f"{path.name}: it has {len(shades)} frames")
  for number, difference in enumerate(shades[:-1], 1):
    if difference < _FEW_SHADES:
      raise errors.RunError(f"{path.name}: frame {number} is of one color")


def _check_serving(run: run_folder.RunFolder, folder: pathlib.Path) -> None:
  policy = f"--policy_dir={folder / 'exported'}"
  root = f"--root_dir={run.root}"
  done = _python(folder, "agents_pipeline.apps.export_policy", root, policy)
  _check("export_policy", done)
  done = _python(folder, "benchmarks.environment_serving", root, policy)
  _check("serving", done)
