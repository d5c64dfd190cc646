"""Training from a notebook, which shows the learning curve as it grows."""

import contextlib
import dataclasses
import os
import signal
import threading
from collections.abc import Callable, Iterator

from agents_pipeline.config import gin_files
from agents_pipeline.files import paths, run_folder
from agents_pipeline.networks import keras_settings
from agents_pipeline.runs import console, training_run


def train(
  gin_file: str | os.PathLike,
  root_dir: str | os.PathLike,
  *gin_bindings: str,
  seed: int | None = None,
  device: str = "auto",
  overwrite: bool = False,
) -> run_folder.RunFolder:
  """Runs an experiment, or resumes it, like the `train` binary.

  The learning curve is shown below the cell and updated in place. Interrupting
  the kernel saves a checkpoint and returns; the same call resumes.

  Args:
    gin_file: the configuration.
    root_dir: the run folder.
    *gin_bindings: such as "DqnConfig.gamma = 0.9".
    seed: the seed of everything random; None leaves that of the configuration.
    device: 'auto', 'cpu' or 'gpu'.
    overwrite: start over, removing the run in that folder.

  Returns:
    The paths of the run folder.

  Raises:
    UserError: an argument is wrong; nothing was changed.
    RunError: the run failed; its checkpoints are kept.
    KeyboardInterrupt: the kernel was interrupted twice.
  """
  folder = run_folder.RunFolder(paths.from_text("--root_dir", root_dir))
  experiment = gin_files.load_experiment([gin_file], gin_bindings, report=print)
  if seed is not None:
    experiment = dataclasses.replace(experiment, seed=seed)
  with keras_settings.restored(), _interruptible() as stop_requested:
    training_run.train(
      experiment,
      folder,
      device=device,
      overwrite=overwrite,
      console=console.Console(print, stop_requested),
    )
  return folder


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
