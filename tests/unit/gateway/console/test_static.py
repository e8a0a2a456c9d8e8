"""What the pages load is here, is what it says it is, and is installed with them."""

from __future__ import annotations

import hashlib
import re
from configparser import ConfigParser
from pathlib import Path

from gateway import console as package
from tests.unit.gateway.console.conftest import Console

FOLDER = Path(package.__file__).parent
VENDOR = FOLDER / "static" / "vendor"


def test_what_is_not_ours_is_unchanged() -> None:
    # given the table of what was taken from elsewhere
    rows = re.findall(
        r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", (VENDOR / "README.md").read_text(), re.M
    )
    # then it names every file there, and each is what it was
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.iterdir()}
    del files["README.md"]
    assert dict(rows) == files


def test_every_file_that_a_page_loads_is_served(console: Console) -> None:
    loaded = set(re.findall(r'"/console(/static/[^"]+)"', console.text()))
    assert len(loaded) >= 6
    for path in loaded:
        assert console.get(path).status_code == 200, path


def test_everything_is_installed_with_the_package() -> None:
    config = ConfigParser()
    config.read(FOLDER.parent.parent / "setup.cfg")
    patterns = config["options.package_data"]["gateway.console"].split(", ")
    installed = {path for pattern in patterns for path in FOLDER.glob(pattern) if path.is_file()}
    wanted = {
        path
        for folder in ("static", "templates")
        for path in (FOLDER / folder).rglob("*")
        if path.is_file()
    }
    assert installed == wanted
