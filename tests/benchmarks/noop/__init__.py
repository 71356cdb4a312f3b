"""A network on which every act succeeds at once, so that only the engine's own time is measured."""

from accounts.enums import ACTS
from outreach.lib.networks import Network

# Acts alone: what it could read, schedules would begin to read in the middle of a measurement.
NETWORK = Network(name="noop", label="No network", capabilities=frozenset(ACTS))
