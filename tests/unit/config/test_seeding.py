"""Child seeds."""

from agents_pipeline.config import seeding


def test_child_seeds_differ_by_name_and_by_parent():
  seeds = [seeding.Seeds(0), seeding.Seeds(1)]
  names = ["network", "exploration", "environment", "replay", "evaluation"]
  children = {getattr(s, name) for s in seeds for name in names}
  assert len(children) == 10
  assert seeding.Seeds(0) == seeds[0]
  assert seeding.Seeds(0).network == 1014471771  # the same everywhere, always
  assert all(0 <= child < 2**31 for child in children)


def test_the_evaluation_that_judges_has_episodes_of_its_own():
  seeds = seeding.Seeds(0)
  assert seeds.final_evaluation != seeds.evaluation
