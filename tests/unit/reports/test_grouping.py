"""Groups of runs, and what their names say."""

import json

from agents_pipeline.reports import grouping, run_data

FAST, SLOW = (f"Adam.learning_rate = {rate}" for rate in (0.01, 0.001))


def shape(groups):
  return [(g.label, [run.name for run in g.runs]) for g in groups]


def test_seeds_are_put_together_and_the_best_group_is_first(read_run):
  runs = [
    read_run("a", FAST, "Experiment.seed = 1", seed=1, returns=(1.0,)),
    read_run("b", SLOW, seed=0, returns=(5.0,)),
    read_run("c", FAST, seed=0, returns=(4.0,)),
    read_run("d", "Adam.learning_rate = 1.0", returns=()),
  ]
  groups = grouping.by_configuration(runs)
  assert shape(groups) == [
    ("learning_rate = 0.001", ["b"]),
    ("learning_rate = 0.01", ["a", "c"]),
    ("learning_rate = 1.0", ["d"]),
  ]
  assert [g.interquartile_mean for g in groups] == [5.0, 2.5, None]
  assert groups[0].interval_95 is groups[2].interval_95 is None
  assert groups[1].interval_95 == (1.0, 4.0)
  assert groups[1].values == {"Adam.learning_rate": 0.01}


def test_what_is_only_written_does_not_tell_apart(read_run):
  runs = [
    read_run("a"),
    read_run("b", "VideoConfig.captions = True"),
    read_run("c", "TrainingConfig.log_period_env_steps = 10"),
  ]
  assert shape(grouping.by_configuration(runs)) == [
    ("DqnConfig", ["a", "b", "c"])
  ]
  shared = grouping.shared(runs)
  assert "DqnConfig.batch_size = 16" in shared
  assert "VideoConfig.captions = False" not in shared
  assert grouping.shared(runs[:1]) == runs[0].config_text.splitlines()


def test_the_fields_of_a_choice_follow_from_it(read_run):
  """Adam's are not listed beside it, unless they differ themselves."""
  rmsprop = "DqnConfig.optimizer = @RmsProp()"
  runs = [read_run("a", FAST), read_run("b", rmsprop)]
  assert {label for label, _ in shape(grouping.by_configuration(runs))} == {
    "optimizer = Adam", "optimizer = RmsProp",
  }  # fmt: skip
  runs.append(read_run("c", SLOW))
  assert {label for label, _ in shape(grouping.by_configuration(runs))} == {
    "optimizer = Adam, learning_rate = 0.01",
    "optimizer = Adam, learning_rate = 0.001",
    "optimizer = RmsProp",
  }


def test_a_field_name_of_two_classes_is_written_with_its_class(read_run):
  runs = [
    read_run("a"),
    read_run("b", "EnvironmentConfig.num_envs = 2"),
    read_run("c", "EvaluationConfig.num_envs = 3"),
  ]
  labels = [label for label, _ in shape(grouping.by_configuration(runs))]
  assert "EnvironmentConfig.num_envs = 2, EvaluationConfig.num_envs = 25" in (
    labels
  )


def test_groups_that_differ_in_much_are_numbered_best_first(read_run):
  names = (
    "n_step", "batch_size", "target_update_period_train_steps",
    "num_collect_steps_per_iteration",
  )  # fmt: skip
  more = [f"DqnConfig.{name} = 3" for name in names]
  runs = [
    read_run("a", returns=(1.0,)),
    read_run("b", *more, returns=(2.0,)),
  ]
  assert shape(grouping.by_configuration(runs)) == [
    ("configuration 1", ["b"]), ("configuration 2", ["a"]),
  ]  # fmt: skip


def test_a_field_that_an_earlier_version_did_not_have(make_run):
  old, new = make_run("old"), make_run("new")
  lines = old.config.read_text().splitlines()
  kept = [line for line in lines if not line.startswith("DqnConfig.gamma ")]
  assert len(kept) == len(lines) - 1
  old.config.write_text("\n".join(kept))
  runs = [run_data.read(folder, folder.root.name) for folder in (old, new)]
  assert {label for label, _ in shape(grouping.by_configuration(runs))} == {
    "gamma = (not set)", "gamma = 0.99",
  }  # fmt: skip


def test_environments_are_kept_apart(read_run):
  other = "EnvironmentConfig.name = 'Acrobot-v1'"
  runs = [read_run("a"), read_run("b", other), read_run("c")]
  found = grouping.by_environment(runs)
  assert json.dumps({k: [r.name for r in v] for k, v in found.items()}) == (
    '{"CartPole-v1": ["a", "c"], "Acrobot-v1": ["b"]}'
  )
