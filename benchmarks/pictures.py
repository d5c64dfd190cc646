"""Remakes the learning curves of README and docs/recipes.md.

python -m benchmarks.pictures --only=dqn_cartpole

Each is that of a whole run of seed 0, as a user gets it. A run that was stopped
is resumed. All of them but Atari's take about half an hour on two cores; that
one takes hours, and is made only when --only names it.
"""

import pathlib
import shutil

from absl import flags

from agents_pipeline.apps import command_line
from agents_pipeline.files import run_folder
from benchmarks import commands

_ROOT = pathlib.Path(__file__).parents[1]
_IMAGES = _ROOT / "docs/images"
_HOURS = "dqn_atari"  # takes them


def configurations() -> list[str]:
  """The configurations whose curves are in the documentation."""
  return sorted(path.stem for path in _IMAGES.glob("*.png"))


def remake(name: str, root_dir: pathlib.Path) -> None:
  """Trains a configuration to its end, and copies its learning curve."""
  run = run_folder.RunFolder(root_dir / name)
  commands.train(f"configs/{name}.gin", run.root, cwd=_ROOT)
  shutil.copyfile(run.learning_curve, _IMAGES / f"{name}.png")


def main() -> int:
  """Remakes the pictures that the flags select, and returns the exit code."""
  only = flags.FLAGS.only
  root_dir = pathlib.Path(flags.FLAGS.root_dir).absolute()
  for name in commands.choose(only, configurations()):
    if only or name != _HOURS:
      remake(name, root_dir)
      print(f"docs/images/{name}.png", flush=True)
  return command_line.DONE


if __name__ == "__main__":
  flags.DEFINE_list("only", [], "Names of configurations; all by default.")
  flags.DEFINE_string("root_dir", "runs/pictures", "Of the run folders.")
  command_line.run(main)
