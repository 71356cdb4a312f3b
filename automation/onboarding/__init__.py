"""Connecting accounts the team already owns: one by one with a test, or a whole list.

``connecting``  one account: tried against its network without being saved, connected, connected again
``signing_in``  the same by signing in with the network in the browser
``mailboxes``   where well-known providers have their mail servers
``reading``     a CSV file or a list of accounts, understood row by row
``services``    a run: started, stopped, gone on with
``progress``    its rows: a few verified at a time, each with its own result
``reporting``   how far a run is, and the rows that failed as a file
"""
