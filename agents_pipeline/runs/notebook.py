"""Training from a notebook, where the learning curve is drawn as it grows."""

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
  """Trains into a run folder, as the `train` binary does.

  The figure is shown below the cell and redrawn in its place. Interrupting the
  kernel saves and stops; the same call goes on from there.

  Args:
    gin_file: the configuration.
    root_dir: the run folder.
    *gin_bindings: such as "DqnConfig.gamma = 0.9".
    seed: of everything random; None leaves the configuration's.
    device: 'auto', 'cpu' or 'gpu'.
    overwrite: begin anew, removing the run that is there.

  Returns:
    The run folder's paths.

  Raises:
    UserError: something given is wrong; nothing was changed.
  """
  run = run_folder.RunFolder(paths.from_text("--root_dir", root_dir))
  experiment = gin_files.load_experiment([gin_file], gin_bindings, say=print)
  if seed is not None:
    experiment = dataclasses.replace(experiment, seed=seed)
  with keras_settings.restored(), _interruptible() as wants_to_stop:
    training_run.train(
      experiment,
      run,
      device=device,
      overwrite=overwrite,
      person=console.Person(say=print, wants_to_stop=wants_to_stop),
    )
  return run


@contextlib.contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
  """The first interrupt is a wish to stop, a second one is raised at once."""
  asked: list[int] = []

  def interrupt(number, frame):
    del frame
    if asked:
      raise KeyboardInterrupt
    asked.append(number)
    print("stopping after this call; what is learnt will be saved")

  if threading.current_thread() is not threading.main_thread():
    yield lambda: False  # signals go to the main one
    return
  before = signal.signal(signal.SIGINT, interrupt)
  try:
    yield lambda: bool(asked)
  finally:
    signal.signal(signal.SIGINT, before)
