"""The networks we act on: one folder each, all speaking the protocol of :mod:`automation.channels.base`.

To add a network, copy a neighbour's folder: its ``__init__`` announces it, its ``channel`` module is the driver.
"""
