"""What a sweep has found: its table of runs, and its best trial."""

import io

import rich.console

from agents_pipeline.runs import run_record
from agents_pipeline.sweeps import planned, summary, sweep_folder, table


def make_runs(root, results):
  """Runs of `results`: for each trial the mean return of each seed, or None."""
  folder = sweep_folder.SweepFolder(root)
  runs = {}
  for trial, of_trial in enumerate(results):
    for seed, mean_return in enumerate(of_trial):
      settings = {"Adam.learning_rate": f"{trial}.5"}
      run = planned.PlannedRun(trial, seed, settings, folder.run(trial, seed))
      state = planned.FAILED
      if mean_return is not None:
        state = planned.FINISHED
        run_record.write_json(
          run.folder.run_record,
          {
            "starts": [],
            "outcome": "finished",
            "mean_return": mean_return,
            "interval_95": [mean_return - 1, mean_return + 1],
            "env_steps": 100,
            "policy_env_steps": 50,
          },
        )
        run_record.write_text(
          run.folder.config, f"DqnConfig.n_step = {trial}\n"
        )
      runs[trial, seed] = run, state
  return folder, runs


def test_the_best_trial_has_the_highest_interquartile_mean(tmp_path):
  # 15 and 20 without the extremes; the third has no result of its second seed.
  results = [[0.0, 10.0, 20.0, 900.0], [19.0, 20.0, 20.0, 21.0]]
  folder, runs = make_runs(tmp_path, [*results, [99.0, None, 99.0, 99.0]])
  assert summary.best_trial(runs) == 1
  assert summary.write(folder, runs) == 1
  assert folder.best.read_text() == (
    "# Trial 1 of 3: Adam.learning_rate = 1.5\n"
    "# Interquartile mean over 4 seeds: 20\n\n"
    "DqnConfig.n_step = 1\n"
  )


def test_the_table_has_a_row_for_each_run(tmp_path):
  folder, runs = make_runs(tmp_path, [[1.0], [None]])
  shuffled = dict(reversed(runs.items()))
  summary.write(folder, shuffled)
  assert folder.table.read_text() == (
    "trial,seed,Adam.learning_rate,state,mean_return,low,high,env_steps,"
    "policy_env_steps\n"
    "0,0,0.5,finished,1.0,0.0,2.0,100,50\n"
    "1,0,1.5,failed,,,,,\n"
  )


def test_nothing_is_best_before_a_trial_has_ended(tmp_path):
  folder, runs = make_runs(tmp_path, [[None]])
  assert summary.write(folder, runs) is None
  assert not folder.best.exists()


def test_the_live_table_has_what_runs_first_then_the_best(tmp_path):
  _, runs = make_runs(tmp_path, [[1.0], [None], [5.0], [None]])
  running, _ = runs[3, 0]
  runs[3, 0] = running, planned.RUNNING
  running.folder.root.mkdir(parents=True)
  running.folder.metrics.write_text(
    "env_steps,evaluation_return\n0,1\n2000,7.25\n"
  )
  drawn = io.StringIO()
  rich.console.Console(file=drawn, width=80).print(table.make(runs))
  text = drawn.getvalue()
  assert max(map(len, text.splitlines())) <= 80
  assert "4 trials: 2 finished, 1 failed, 1 running" in text
  cells = [
    [cell.strip() for cell in line.split("│")[1:-1]]
    for line in text.splitlines()
    if line.startswith("│")
  ]
  assert cells == [
    ["3", "3.5", "0/1", "2,000", "7.2", ""],
    ["2", "2.5", "1/1", "", "", "5.0"],
    ["0", "0.5", "1/1", "", "", "1.0"],
    ["1", "1.5", "0/1", "", "", "failed"],
  ]


def test_lines_tell_of_changes_alone(tmp_path):
  _, runs = make_runs(tmp_path, [[1.0], [None]])

  class Source:
    pass

  source, told = Source(), []
  source.runs = {**runs, (1, 0): (runs[1, 0][0], planned.WAITING)}
  lines = table.Lines(source, told.append)
  lines.update()
  assert told == ["1 of 2 runs are finished already"]
  source.runs[1, 0] = runs[1, 0][0], planned.RUNNING
  lines.update()
  lines.update()
  source.runs[1, 0] = runs[1, 0][0], planned.FAILED
  lines.update()
  assert told[1:] == [
    "trial 1, seed 0: running, Adam.learning_rate = 1.5",
    "trial 1, seed 0: failed",
  ]
