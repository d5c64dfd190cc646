"""What the site has beside the pages of docs/: the notebook that they link."""

import pathlib

from mkdocs.structure import files

_NOTEBOOK = "examples/quickstart.ipynb"


def on_files(known, config):
  """Adds the notebook to what is published."""
  root = pathlib.Path(config.config_file_path).parent
  known.append(
    files.File.generated(config, _NOTEBOOK, abs_src_path=str(root / _NOTEBOOK))
  )


def on_page_markdown(markdown, **_):
  """Links that lead out of docs/ in the repository stay within the site."""
  return markdown.replace(f"../{_NOTEBOOK}", _NOTEBOOK)
