"""What of a folder is of a run."""

from agents_pipeline.files import atomic, run_folder


def test_a_run_folder_is_cleared_of_what_a_run_writes_and_nothing_else(
  tmp_path,
):
  run = run_folder.RunFolder(tmp_path)
  assert not run.has_run
  for name in ("config.gin", "run.json", "events.out.tfevents.1", "mine.txt"):
    (tmp_path / name).touch()
  run.policy.mkdir()
  assert run.has_run
  atomic.clear(run.existing_paths)
  assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_videos_are_sorted_by_their_episodes():
  video = run_folder.RunFolder("a").training_video
  names = [video(n, "gif").name for n in (12, 9, 999_999)]
  assert names == ["episode_000012.gif", "episode_000009.gif",
    "episode_999999.gif"]  # fmt: skip
