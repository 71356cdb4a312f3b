"""Judging leads: rules first, the model for what they leave open, a person above both.

Read in this order: ``rules`` (what a rule matches), ``decisions`` (a judgement written down, and what it does to the lead),
``quotas`` (how many a day), ``waiting`` (who waits for the model), ``judging`` (asking it, several leads at once),
``trials`` and ``agreement`` (prompts and models held against people's labels).
"""

from automation.discovery.qualification.decisions import decide, label
from automation.discovery.qualification.rules import Finding, Judged, describe, match, qualify

__all__ = ["Finding", "Judged", "decide", "describe", "label", "match", "qualify"]
