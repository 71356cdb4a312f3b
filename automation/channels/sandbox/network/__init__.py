"""The sandbox network itself: a small social network in one process, with its own storage and no Django.

Everything that happens is one line of an append-only journal, written before the answer leaves; the people,
their posts and their follows are generated from a seed. A restart generates the same world again and
replays the journal.
"""
