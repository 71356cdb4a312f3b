from __future__ import annotations

from collections import defaultdict

import pytest

from outreach.lib import events
from tests.accounts.recorder import Recorder


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Hears every event of the test, alone: what the apps above make of them is theirs to test."""
    recorder = Recorder()
    monkeypatch.setattr(events, "_subscribers", defaultdict(list, {"*": [recorder]}))
    return recorder
