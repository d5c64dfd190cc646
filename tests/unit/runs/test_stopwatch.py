"""The stopwatch."""

from agents_pipeline.runs import stopwatch


def test_parts_add_up(monkeypatch):
  now = [0.0]
  monkeypatch.setattr(stopwatch.time, "monotonic", lambda: now[0])

  def sleep(seconds):
    now[0] += seconds

  def results():
    for number in range(2):
      sleep(3.0)
      yield number
    sleep(1.0)

  watch = stopwatch.Stopwatch()
  for number in watch.each("training", results()):
    sleep(100.0)  # not in any part
    with watch.part("evaluation"):
      sleep(1.0 + number)
  assert watch.seconds == {"training": 7.0, "evaluation": 3.0}
  assert str(watch) == "training 70%, evaluation 30%"
  assert watch.to_json() == {"training": 7.0, "evaluation": 3.0}


def test_a_part_that_raises_is_counted(monkeypatch):
  now = iter([1.0, 3.5])
  monkeypatch.setattr(stopwatch.time, "monotonic", lambda: next(now))
  watch = stopwatch.Stopwatch()
  try:
    with watch.part("videos"):
      raise ValueError
  except ValueError:
    pass
  assert watch.seconds == {"videos": 2.5}
