"""Connecting accounts the team already owns: one by one with a test, or a whole list.

``connecting``  one account: tested against its network without being saved, connected, reconnected, by OAuth
``reading``     a CSV file or a list of accounts, understood row by row
``services``    a run: started, stopped, gone on with
``progress``    its rows: a few verified at a time, each with its own result
``reporting``   how far a run is, and the rows that failed as a file
"""
