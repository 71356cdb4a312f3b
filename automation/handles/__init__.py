"""How our own brand could be called on each network, and whether that is still free."""
