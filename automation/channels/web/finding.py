"""Elements and values as a site file names them, in Playwright's words; the same for its two ways of being called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from automation.channels.web.site import Locate, Take, wording

TEXT = "(nodes, name) => !nodes.length ? null : name ? nodes[0].getAttribute(name) : nodes[0].innerText"


def located(base: Any, what: Locate, values: Mapping[str, str]) -> Any:
    """The locator of ``what`` in a page, frame or locator, synchronous or not as ``base`` is."""
    if what.within is not None:
        base = located(base, what.within, values)
    if what.role:
        named = {"name": wording(what.name, values), "exact": what.exact} if what.name else {}
        return base.get_by_role(what.role, **named)
    if what.label:
        return base.get_by_label(wording(what.label, values), exact=what.exact)
    if what.text:
        return base.get_by_text(wording(what.text, values), exact=what.exact)
    if what.placeholder:
        return base.get_by_placeholder(wording(what.placeholder, values), exact=what.exact)
    if what.test_id:
        return base.get_by_test_id(wording(what.test_id, values))
    return base.locator(what.css)


def worked(text: str, what: Take) -> str:
    """The part of a text that is meant, translated if the site file says how."""
    if what.pattern:
        match = re.search(what.pattern, text)
        text = (match[1] or "") if match else ""
    text = text.strip()
    return what.values.get(text, text)
