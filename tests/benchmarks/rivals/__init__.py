"""Others doing the least they can: a task that does nothing, on the same server, in the same minutes."""
