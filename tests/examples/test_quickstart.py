"""The notebook of examples/ does what it says."""

import pathlib

import nbclient
import nbformat
import pytest

NOTEBOOK = pathlib.Path(__file__).parents[2] / "examples" / "quickstart.ipynb"


@pytest.mark.slow
def test_the_quickstart_runs_from_top_to_bottom(tmp_path, monkeypatch):
  monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
  notebook = nbformat.read(NOTEBOOK, as_version=4)
  outputs = lambda: [
    cell.outputs for cell in notebook.cells if cell.cell_type == "code"
  ]
  shipped = [[output.output_type for output in one] for one in outputs()]
  nbclient.NotebookClient(
    notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
  ).execute()  # raises what a cell raises

  _, trained, run, metrics, evaluations, video, episode = outputs()
  printed = "".join(one.text for one in trained if "text" in one)
  assert "10,000 of 10,000 env steps" in printed
  assert "report.html  all of it on one page" in printed
  assert "INFO" not in printed and "Warning" not in printed
  assert any("image/png" in one.get("data", {}) for one in trained)
  assert "finished, mean return" in run[0].data["text/html"]
  assert "evaluation_return" in metrics[0].data["text/html"]
  assert "std" in evaluations[0].data["text/html"]
  assert "data:video/mp4;base64," in video[0].data["text/html"]
  assert float(episode[0].data["text/plain"]) > 50  # untrained: 10

  # What is shipped is the result of these cells, from first to last.
  assert [[*dict.fromkeys(kinds)] for kinds in shipped] == [
    [*dict.fromkeys(one.output_type for one in outputs)]
    for outputs in outputs()
  ]
  counts = [c.execution_count for c in notebook.cells if "outputs" in c]
  assert counts == [*range(1, len(counts) + 1)]
