"""Training from a script, or from a notebook, which shows the curve grow."""

import contextlib
import dataclasses
import operator
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator

from agents_pipeline import errors
from agents_pipeline.api import run
from agents_pipeline.config import gin_files, schema
from agents_pipeline.files import paths, run_folder
from agents_pipeline.networks import keras_settings
from agents_pipeline.runs import console, defaults, quiet, training_run


def load_experiment(
  gin_file: str | os.PathLike | None = None,
  gin_bindings: str | Iterable[str] = (),
  *,
  environment: str | None = None,
) -> schema.Experiment:
  """Loads what to train, from a gin file or for an environment alone.

  Args:
    gin_file: the configuration; a name such as "dqn_cartpole.gin" that is not
      in the current folder is a file that comes with the package.
    gin_bindings: one or several bindings, such as "DqnConfig.gamma = 0.9".
    environment: a gymnasium id, in place of a gin file; the agent, the network
      and the numbers are chosen by its spaces.

  Raises:
    UserError: the arguments do not make an experiment, or both or none of
      `gin_file` and `environment` are given.
  """
  bindings = gin_files.as_texts(gin_bindings)
  if environment is not None and gin_file is None:
    return defaults.experiment_for(environment, bindings, print)
  if gin_file is not None and environment is None:
    return gin_files.load_experiment([gin_file], bindings, report=print)
  raise errors.UserError(
    f"gin_file={gin_file!r} and environment={environment!r}: expected one of "
    "them"
  )


def train(
  experiment: schema.Experiment | str | os.PathLike,
  root_dir: str | os.PathLike,
  *,
  seed: int | None = None,
  device: str = "auto",
  deterministic: bool = True,
  overwrite: bool = False,
  allow_changes: bool = False,
) -> run.Run:
  """Trains, evaluates, records and exports, or resumes a run that stopped.

  It does what the `train` command does. In a notebook, the learning curve is
  shown below the cell and updated in place. Interrupting the kernel saves a
  checkpoint and returns; the same call resumes.

  Args:
    experiment: what `load_experiment` returned, or a gin file.
    root_dir: the run folder.
    seed: the seed of everything random; None leaves the experiment's own.
    device: the device to train on: 'auto', 'cpu' or 'gpu'.
    deterministic: whether the same seed gives the same run, on a GPU too.
    overwrite: whether to start over and remove the run in that folder.
    allow_changes: whether a run that is resumed may learn with other settings.

  Raises:
    UserError: an argument is wrong; nothing was changed.
    RunError: the run failed; its checkpoints are kept.
    KeyboardInterrupt: the kernel was interrupted twice.
  """
  if root_dir == "":
    raise errors.UserError("root_dir='': expected a run folder")
  folder = run_folder.RunFolder(paths.from_text("root_dir", root_dir))
  for name, value in (
    ("deterministic", deterministic),
    ("overwrite", overwrite),
    ("allow_changes", allow_changes),
  ):
    if not isinstance(value, bool):
      raise errors.UserError(f"{name}={value!r}: expected True or False")
  if isinstance(experiment, (str, os.PathLike)):
    experiment = load_experiment(experiment)
  if not isinstance(experiment, schema.Experiment):
    raise errors.UserError(
      f"experiment={experiment!r}: expected what `load_experiment` returns, or "
      "a gin file"
    )
  if seed is not None:
    experiment = _with_seed(experiment, seed)
  with (
    keras_settings.restored(),
    quiet.logs_hidden(),
    _interruptible() as stop_requested,
  ):
    training_run.train(
      experiment,
      folder,
      device=device,
      deterministic=deterministic,
      overwrite=overwrite,
      allow_changes=allow_changes,
      console=console.Console(print, stop_requested),
    )
  return run.Run(folder.root)


def _with_seed(experiment: schema.Experiment, seed: int) -> schema.Experiment:
  try:
    return dataclasses.replace(experiment, seed=operator.index(seed))
  except (TypeError, errors.UserError):
    raise errors.UserError(
      f"seed={seed!r}: expected a whole number in [0, {schema.MAX_SEED}]"
    ) from None


@contextlib.contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
  """The first interrupt requests a stop; the second raises as usual."""
  interrupts: list[int] = []

  def handle(number, frame):
    del frame
    if interrupts:
      raise KeyboardInterrupt
    interrupts.append(number)
    print("stopping after this call; a checkpoint will be saved")

  if threading.current_thread() is not threading.main_thread():
    yield lambda: False  # only the main thread receives signals
    return
  previous = signal.signal(signal.SIGINT, handle)
  try:
    yield lambda: bool(interrupts)
  finally:
    signal.signal(signal.SIGINT, previous)
