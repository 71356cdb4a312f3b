"""The house rules of README, read from the code: each failure says where the code should live instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from django.utils.module_loading import import_string

ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "leads", "automation", "monitoring")  # each may import those before it
FACES = {"admin", "api", "schemas", "jobs", "management", "apps", "listeners", "urls"}
MOST_LINES = 350

# Packages that stay in their rooms: path patterns of the files that may import them.
ROOMS = {
    "playwright": (r"automation/browser/", r"automation/channels/\w+/"),
    "openai": (r"automation/llm/",),
    "django_q": (r"outreach/lib/queue(\.py|/)", r"\w+/jobs(\.py|/)", r"automation/schedule\.py"),
    "ninja": (r"\w+/api(\.py|/)", r"\w+/schemas(\.py|/)", r"outreach/lib/(api|schemas)(\.py|/)"),
}
# They turn dataclasses into dataclasses; whoever calls them has the rows.
WITHOUT_DATABASE = (
    "automation/channels/",
    "automation/browser/",
    "automation/llm/",
    "automation/enrichment/steps/",
)
# Names of networks that mean something else in these files: path patterns, and what.
OTHER_MEANINGS = {
    "email": {
        "accounts/admin/users.py": "a field of the user",
        "*/enums.py": "a kind of act, of step, of message",
        "automation/channels/bluesky/*.py": "a field of its API",
        "automation/onboarding/*.py": "a heading of people's files",
        "leads/addresses.py": "the identity every person may have: which is why it is a profile",
        "leads/*/*.py": "a column or a field of people's e-mail address",
        "leads/api/*.py": "a column or a field of people's e-mail address",
        "monitoring/*.py": "how staff are told",
    },
    "web": {
        "manage.py": "a process and its role",
        "outreach/settings.py": "a process and its role",
        "monitoring/*.py": "a process and its role",
        "monitoring/*/*/*.py": "a process and its role",
        "leads/importing/mapping.py": "a heading of people's files",
    },
}
# Imports inside functions, and why.
LATE_IMPORTS = {
    "manage.py": "Django is imported once the settings are named",
    "*/apps.py": "models must be loaded first",
    "automation/discovery/websites/page.py": "a parser of 2 MB is loaded by the first page",
    "leads/importing/cards.py": "vobject is loaded by the first vCard",
    "leads/importing/sheets.py": "openpyxl is loaded by the first spreadsheet",
    "leads/exporting/sheets.py": "openpyxl is loaded by the first spreadsheet",
}


@dataclass(frozen=True)
class Import:
    """One imported module and the file and line that import it."""

    path: str
    line: int
    module: str
    in_function: bool

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.module}"


@cache
def sources() -> dict[str, ast.Module]:
    """Every Python file of the product by its path, migrations aside."""
    files = [
        ROOT / "manage.py",
        *(path for top in ("outreach", *APPS) for path in (ROOT / top).rglob("*.py")),
    ]
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text())
        for path in sorted(files)
        if "migrations" not in path.parts
    }


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for path, tree in sources().items() for found in imports_of(path, tree))


def imports_of(path: str, tree: ast.Module) -> Iterator[Import]:
    """The imports of one file; ``from a import b`` counts as ``a.b``, which may be a module."""
    inside = {id(node) for function in ast.walk(tree) if is_function(function) for node in ast.walk(function)}
    package = path.removesuffix(".py").split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (Import(path, node.lineno, name, id(node) in inside) for name in names)


def is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def top(dotted: str) -> str:
    return dotted.split(".")[0]


def room(path: str) -> str:
    """The app a file belongs to, ``outreach.lib``, or ``outreach`` for the roof."""
    return "outreach.lib" if path.startswith("outreach/lib/") else top(path.replace("/", "."))


def is_roof(module: str) -> bool:
    return top(module) == "outreach" and not (module + ".").startswith("outreach.lib.")


def complain(sentences: list[str]) -> None:
    if sentences:
        pytest.fail("\n".join(sentences), pytrace=False)


def test_apps_import_only_what_stands_below_them():
    complain(
        [
            f"{found}, which stands above {room(found.path)}. Move the code up into {top(found.module)}, or emit an "
            f"event (outreach.lib.events) that {top(found.module)} listens to."
            for found in imports()
            if room(found.path) in APPS
            and top(found.module) in APPS
            and APPS.index(top(found.module)) > APPS.index(room(found.path))
        ]
    )


def test_lib_imports_no_app_and_no_roof():
    complain(
        [
            f"{found}. outreach/lib holds leaves: move the code into {top(found.module)}, or pass in what it needs."
            for found in imports()
            if room(found.path) == "outreach.lib"
            and (top(found.module) in APPS or is_roof(found.module))
            and found.module != "outreach.lib"
        ]
    )


def test_nobody_imports_the_roof():
    complain(
        [
            f"{found}, which is wiring. Move what both need into outreach/lib (settings: django.conf.settings)."
            for found in imports()
            if room(found.path) in APPS and is_roof(found.module)
        ]
    )


def rank(module_path: list[str]) -> int:
    """How high a module stands inside its app: enums, models, then everything, then the faces."""
    if module_path[:1] == ["enums"]:
        return 0
    if module_path[:1] == ["models"]:
        return 1
    # A channel's own files speak to its network: an api.py there is no face of ours.
    return 3 if FACES & set(module_path) and module_path[0] != "channels" else 2


RANKS = ("enums", "models", "queries and services", "admin, api, jobs and commands")


def is_module(dotted: str) -> bool:
    path = ROOT / dotted.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def inner_imports() -> Iterator[tuple[Import, int, int]]:
    """Imports inside one app with the rank of the importer and of the imported."""
    for found in imports():
        app = room(found.path)
        if app in APPS and top(found.module) == app:
            importer = found.path.removesuffix(".py").split("/")[1:]
            module = found.module if is_module(found.module) else found.module.rpartition(".")[0]
            yield found, rank(importer), rank(module.split(".")[1:])


def test_inside_an_app_imports_go_down():
    complain(
        [
            f"{found}: {RANKS[importer]} may not import {RANKS[imported]}. Move what both need down a layer."
            for found, importer, imported in inner_imports()
            if imported > importer
        ]
    )


@pytest.mark.parametrize("package", ROOMS)
def test_packages_stay_in_their_rooms(package):
    complain(
        [
            f"{found}. {package} is imported only in {', '.join(ROOMS[package])}: move the code there and call it."
            for found in imports()
            if top(found.module) == package and not any(re.match(room, found.path) for room in ROOMS[package])
        ]
    )


def touches_database(module: str) -> bool:
    return module.startswith("django.db") or any(
        re.match(rf"{app}\.(models|services|queries)\b", module) for app in APPS
    )


def test_channels_browser_and_model_never_touch_the_database():
    complain(
        [
            f"{found}. Channels, browser and language model take and return dataclasses: read and write rows in "
            "automation/engine or in the service that calls them."
            for found in imports()
            if found.path.startswith(WITHOUT_DATABASE) and touches_database(found.module)
        ]
    )


def networks() -> set[str]:
    return {path.parent.name for path in (ROOT / "automation/channels").glob("*/__init__.py")}


def docstrings(tree: ast.Module) -> set[int]:
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, holders) and node.body]
    return {id(body[0].value) for body in bodies if isinstance(body[0], ast.Expr)}


def named_networks() -> Iterator[str]:
    for path, tree in sources().items():
        skipped = docstrings(tree)
        for node in ast.walk(tree):
            # A single letter means too many things to be taken for a network's name.
            named = isinstance(node, ast.Constant) and node.value in networks() and len(str(node.value)) > 1
            if named and id(node) not in skipped:
                home = f"automation/channels/{node.value}/"
                elsewhere = OTHER_MEANINGS.get(str(node.value), {})
                if not path.startswith(home) and not any(Path(path).match(other) for other in elsewhere):
                    yield (
                        f'{path}:{node.lineno} names the network "{node.value}". Only {home} knows it: ask '
                        "outreach.lib.networks or the channel's capabilities instead."
                    )


def test_no_network_is_named_outside_its_channel():
    assert networks()
    complain(list(named_networks()))


def test_imports_stand_at_the_top():
    complain(
        [
            f"{found} inside a function. Move the import to the top; if that makes a circle, one of the two modules "
            "holds what belongs in a third."
            for found in imports()
            if found.in_function and not any(Path(found.path).match(pattern) for pattern in LATE_IMPORTS)
        ]
    )


def test_no_file_grows_past_one_subject():
    files = [*(ROOT / path for path in sources()), *(ROOT / "tests").rglob("*.py")]
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in files}
    complain(
        [
            f"{path} has {length} lines; {MOST_LINES} is the most. Split it by subject into a package."
            for path, length in lengths.items()
            if length > MOST_LINES
        ]
    )


def constants(tree: ast.Module) -> dict[str, str]:
    """Module-level ``NAME = "text"``."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def job_names() -> Iterator[tuple[str, str]]:
    """Where and which: what enqueue() is given, and every text that looks like a job's dotted name."""
    for path, tree in sources().items():
        named = constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if re.fullmatch(rf"({'|'.join(APPS)})\.([a-z_]+\.)*jobs(\.[a-z_]+)+", node.value):
                    yield f"{path}:{node.lineno}", node.value
            elif (
                isinstance(node, ast.Call)
                and ast.unparse(node.func).split(".")[-1] == "enqueue"
                and node.args
            ):
                name = node.args[0]
                if isinstance(name, ast.Constant):
                    yield f"{path}:{node.lineno}", name.value
                elif isinstance(name, ast.Name) and name.id in named:
                    yield f"{path}:{node.lineno}", named[name.id]


def is_callable(name: str) -> bool:
    try:
        return callable(import_string(name))
    except ImportError:
        return False


def test_every_job_name_resolves():
    names = set(job_names())
    assert names
    complain(
        [
            f"{where} names the job {name}, which does not exist: a worker would only find out when it runs."
            for where, name in sorted(names)
            if not is_callable(name)
        ]
    )
