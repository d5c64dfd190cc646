"""Training from a notebook, where the learning curve is drawn as it grows."""

import os
import pathlib

from agents_pipeline.experiment import gin_files, run_directory
from agents_pipeline.pipelines import person, training_run


def train(
  gin_file: str | os.PathLike,
  root_dir: str | os.PathLike,
  *gin_bindings: str,
  seed: int = 0,
  device: str = "auto",
  overwrite: bool = False,
) -> run_directory.RunDirectory:
  """Trains into a run folder, as the `train` binary does.

  The figure is shown below the cell and redrawn in its place. Interrupting the
  kernel stops; the same call goes on from the last checkpoint.

  Args:
    gin_file: the configuration.
    root_dir: the run folder.
    *gin_bindings: such as "DqnConfig.gamma = 0.9".
    seed: of everything random.
    device: 'auto', 'cpu' or 'gpu'.
    overwrite: begin anew, removing the run that is there.

  Returns:
    The run folder's paths.

  Raises:
    UserError: something given is wrong; nothing was changed.
  """
  run = run_directory.RunDirectory(pathlib.Path(root_dir))
  training_run.train(
    gin_files.load_experiment([gin_file], gin_bindings),
    run,
    seed,
    device=device,
    overwrite=overwrite,
    person=person.Person(say=print, wants_to_stop=lambda: False),
  )
  return run
