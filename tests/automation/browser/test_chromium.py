import os
import subprocess
from pathlib import Path

import pytest

from automation.browser import chromium


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of our own making: its PATH and Playwright's folder, both empty."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "downloads"))
    return tmp_path


def test_configured_path_goes_first(machine):
    program(machine / "bin/chromium")
    mine = program(machine / "mine")
    assert chromium.find(str(mine)) == mine


def test_configured_path_that_is_no_program_is_an_error(machine):
    program(machine / "bin/chromium")
    with pytest.raises(chromium.ChromiumMissing, match="CHROMIUM_PATH"):
        chromium.find(str(machine / "no-such-thing"))


def test_playwrights_download_goes_before_the_systems(machine):
    system = program(machine / "bin/chromium")
    assert chromium.find() == system
    shell = program(
        machine / "downloads/chromium_headless_shell-1200/chrome-headless-shell-linux64/chrome-headless-shell"
    )
    assert chromium.find() == shell


def test_newest_download_wins(machine):
    old = program(machine / "downloads/chromium_headless_shell-1100/chrome-linux/headless_shell")
    new = program(machine / "downloads/chromium_headless_shell-1200/chrome-linux/headless_shell")
    os.utime(old, (1, 1))
    assert chromium.find() == new


def test_headless_ones_open_no_window(machine):
    program(machine / "downloads/chromium_headless_shell-1200/chrome-linux/headless_shell")
    shell = program(machine / "bin/chromium-headless-shell")
    assert chromium.find(windowed=True) is None
    whole = program(machine / "bin/chromium")
    assert chromium.find(windowed=True) == whole
    assert chromium.find() != whole
    assert chromium.find(str(shell), windowed=True) == shell, "what is configured is what runs"


def test_nothing_found_is_installed_and_said(machine, monkeypatch):
    said, calls = [], []

    def install(command):
        calls.append(command)
        program(machine / "bin/chromium-headless-shell")
        return ""

    monkeypatch.setattr(chromium, "_run", install)
    assert chromium.find_or_install(say=said.append) == machine / "bin/chromium-headless-shell"
    assert len(calls) == 1
    assert said[0].startswith("No Chromium found. Installing it:")


def test_failed_installs_end_with_what_to_do(machine, monkeypatch):
    said = []
    monkeypatch.setattr(chromium, "_run", lambda command: "no network")
    with pytest.raises(chromium.ChromiumMissing, match="apt-get install chromium-headless-shell"):
        chromium.find_or_install(say=said.append)
    assert "That failed: no network" in said


def test_root_installs_the_systems_package_first(machine, monkeypatch):
    program(machine / "bin/apt-get")
    monkeypatch.setattr(chromium.os, "geteuid", lambda: 0)
    assert next(chromium._install_commands())[0] == "sh"
    monkeypatch.setattr(chromium.os, "geteuid", lambda: 1000)
    assert [command[1:] for command in chromium._install_commands()] == [
        ["-m", "playwright", "install", "chromium-headless-shell"]
    ]


def test_installer_tells_its_last_line_when_it_fails():
    assert chromium._run(["/bin/sh", "-c", "echo one; echo two >&2; exit 3"]) == "two"
    assert chromium._run(["/bin/sh", "-c", "exit 3"]) == "exit code 3"
    assert chromium._run(["/bin/sh", "-c", "echo fine"]) == ""


def test_only_root_goes_without_the_sandbox(monkeypatch):
    monkeypatch.setattr(chromium.os, "geteuid", lambda: 1000)
    assert "--no-sandbox" not in chromium.launch_flags()
    monkeypatch.setattr(chromium.os, "geteuid", lambda: 0)
    assert chromium.launch_flags()[0] == "--no-sandbox"


def test_found_program_is_a_chromium(chromium_path):
    said = subprocess.run(
        [str(chromium_path), "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    assert "chrom" in said.stdout.lower()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_browser_sees_the_admin_while_the_test_uses_the_orm(browser, live_server, django_user_model):
    django_user_model.objects.create_superuser("ada", "ada@example.org", "a long enough pass phrase")

    def sign_in(page):
        page.goto("/admin/")
        page.fill("input[name=username]", "ada")
        page.fill("input[name=password]", "a long enough pass phrase")
        page.click("[type=submit]")
        page.wait_for_url("**/admin/")
        return page.title()

    assert "Outreach" in browser.run(sign_in, base_url=live_server.url)
    assert django_user_model.objects.get().last_login is not None
