"""The console: what is out, since when, and who is on it, as pages. A folder a page; `mount` installs them all."""

from fastapi import FastAPI

from api.console import (
    add_device,
    agents,
    centres,
    device,
    devices,
    edit_device,
    fleet_file,
    home,
    incidents,
    maintenance,
    notify,
    preferences,
    runbook,
    search,
    signin,
    static_files,
    unregistered,
    upgrades,
)
from api.console.fleet_file.waiting import WaitingFiles
from api.console.home.counted import Counter
from api.console.last_good import LastGood
from api.console.problem import problem_page

__all__ = ["mount"]

_PAGES = (
    static_files,
    signin,
    preferences,
    home,
    search,
    centres,
    agents,
    devices,
    device,
    incidents,
    runbook,
    maintenance,
    unregistered,
    add_device,
    edit_device,
    fleet_file,
    notify,
    upgrades,
)


def mount(app: FastAPI) -> None:
    """Adds the console's routes to an app, and pages for its problems."""
    app.state.last_good = LastGood()
    app.state.counter = Counter()
    app.state.fleet_files = WaitingFiles()
    app.state.problem_page = problem_page
    for page in _PAGES:
        app.include_router(page.router, include_in_schema=False)
