"""A browser, for the tests of pages."""

import json
import os
import shutil

import pytest


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
  """One headless Chromium for all tests of a module."""
  from selenium import webdriver
  from selenium.webdriver.chrome.service import Service

  names = ("chromium", "chromium-browser", "google-chrome")
  program = next(filter(None, map(shutil.which, names)), None)
  driver = shutil.which("chromedriver")
  if not (program and driver):
    missing = "no browser: Debian's packages chromium and chromium-driver"
    if os.environ.get("REQUIRE_BROWSER") == "1":
      pytest.fail(missing)
    pytest.skip(missing)
  options = webdriver.ChromeOptions()
  options.binary_location = program
  options.set_capability(
    "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
  )
  for option in (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "disable-dev-shm-usage",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "force-color-profile=srgb",
    "window-size=900,700",
    f"user-data-dir={tmp_path_factory.mktemp('browser')}",
  ):
    options.add_argument(f"--{option}")
  running = webdriver.Chrome(options, Service(executable_path=driver))
  yield running
  running.quit()


@pytest.fixture(scope="module")
def requested(browser):
  """Lists the URLs that the browser has requested since it was last asked."""

  def read():
    events = [
      json.loads(entry["message"])["message"]
      for entry in browser.get_log("performance")
    ]
    requests = [
      event["params"]
      for event in events
      if event["method"] == "Network.requestWillBeSent"
    ]
    return [
      request["request"]["url"]
      for request in requests
      # The tab that it begins with has pages of its own.
      if not request["documentURL"].startswith("chrome://")
    ]

  return read
