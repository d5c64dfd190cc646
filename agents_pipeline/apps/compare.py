"""Compares runs on one page: an HTML file that needs no network.

python -m agents_pipeline.apps.compare runs/one runs/other --output=report.html
"""

from collections.abc import Sequence

from absl import flags

from agents_pipeline import errors
from agents_pipeline.apps import command_line
from agents_pipeline.files import paths
from agents_pipeline.reports import page, run_folders

_OUTPUT = flags.DEFINE_string(
  "output", None, "The HTML file to write.", required=True
)


def main(arguments: Sequence[str]) -> int:
  """Writes a report of the runs that are named, and returns the exit code."""
  if not arguments:
    raise errors.UserError(
      "expected run folders, or folders of run folders, such as "
      "'runs/one runs/other'"
    )
  output = paths.from_text("--output", _OUTPUT.value)
  if output.suffix != ".html":
    raise errors.UserError(
      f"--output={_OUTPUT.value!r}: expected a file ending in .html"
    )
  command_line.check_writable("--output", output)
  folders = run_folders.find(arguments)
  num_groups = page.write(folders, output)
  command_line.print_result(
    f"{output}: {page.count(len(folders), 'run')} of "
    f"{page.count(num_groups, 'configuration')}"
  )
  return command_line.DONE


if __name__ == "__main__":
  command_line.run(main, takes_arguments=True)
