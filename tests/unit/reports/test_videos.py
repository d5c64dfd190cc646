"""Which videos are in the page, and which beside it."""

import pytest

from agents_pipeline.reports import grouping, videos


@pytest.fixture
def section(read_run, tmp_path):
  """The videos of groups with these sizes in bytes, best first."""

  def make(*sizes):
    runs = [
      read_run(
        f"run {i}", f"Adam.learning_rate = 0.{9 - i}",
        returns=(-i,), video=b"x" * size,
      )
      for i, size in enumerate(sizes)
    ]  # fmt: skip
    embedding = videos.Embedding(str(tmp_path / "pages"))
    return embedding.section(grouping.by_configuration(runs))

  return make


def test_small_videos_are_in_the_page_and_others_are_linked(section):
  found = section(84_000, videos.MAX_EMBEDDED_BYTES, 0, 1_000)
  assert found.count("<video") == 2 and found.count("<a ") == 1
  assert "run 0, whose mean return is 0.00. In the page: it has 84 kB." in found
  assert 'href="../run%201/videos/trained.mp4"' in found
  assert "Linked, not embedded: it has 3.0 MB, and with it the page" in found
  assert "run 2" not in found and "run 3" in found


def test_without_videos_there_is_no_section(section):
  assert section(0) == ""


def test_the_video_is_of_the_best_run_of_a_group(read_run, tmp_path):
  runs = [
    read_run("a", returns=(1.0,), video=b"x"),
    read_run("b", seed=1, returns=(3.0,)),
    read_run("c", seed=2, returns=(2.0,), video=b"x"),
    read_run("d", seed=3, outcome="stopped", video=b"x"),
  ]
  found = videos.Embedding(str(tmp_path)).section(
    grouping.by_configuration(runs)
  )
  assert "DqnConfig: c, whose mean return is 2.00" in found
  assert found.count("<figure") == 1
