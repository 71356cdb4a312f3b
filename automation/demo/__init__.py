"""One outreach cycle from end to end, on a real network process, and our books held against what the network saw."""
