"""All commands by name: `agents-pipeline train --root_dir=...`.

python -m agents_pipeline train --environment=CartPole-v1 --root_dir=runs/one
"""

import contextlib
import os
import runpy
import sys

COMMANDS = {
  "train": "trains an experiment, or resumes it",
  "sweep": "trains it with many settings and seeds",
  "evaluate": "plays greedy episodes of a policy",
  "record_video": "records episodes of a policy",
  "export_policy": "exports the policy of a run",
  "compare": "puts runs on one page",
}
_WRONG_INPUT = 2


def main() -> None:
  """Runs the command that is named first, with the flags after it."""
  name = sys.argv[1] if len(sys.argv) > 1 else ""
  if name in ("", "help", "-h", "--help"):
    print("usage: agents-pipeline COMMAND --flags")
    print("\n".join(f"  {one:14}{what}" for one, what in COMMANDS.items()))
    print("agents-pipeline COMMAND --help lists the flags of one")
    return
  if name not in COMMANDS:
    from agents_pipeline import errors

    print(
      f"error: {name!r} is no command; expected one of {', '.join(COMMANDS)}"
      f"{errors.nearest(name, COMMANDS)}",
      file=sys.stderr,
    )
    sys.exit(_WRONG_INPUT)
  del sys.argv[1]
  # As with `python -m`, modules of one's own are found in the current folder.
  with contextlib.suppress(FileNotFoundError):  # it was removed
    if os.getcwd() not in sys.path:
      sys.path.insert(0, os.getcwd())
  runpy.run_module(
    f"agents_pipeline.apps.{name}", run_name="__main__", alter_sys=True
  )


if __name__ == "__main__":
  main()
