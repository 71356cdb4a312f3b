"""How fast and how heavy Outreach is, as ratios measured in one run on one machine.

Each command is a module: ``uv run python -m tests.benchmarks.engine`` and so on; ``--json`` prints one JSON object
last, ``--record`` keeps it in RESULTS.md. They use an installation of their own (its data in ``.data/benchmarks``, or in
``OUTREACH_BENCHMARK_DIR``) and touch nothing else.

``engine``   tasks a second through all of a task's life, beside three rivals and bare SQL
``wake``     from a task's commit to the start of its attempt, on an idle installation
``limits``   reserved units a second, in batches and by the bare UPDATE
``claim``    how long one claim takes with 100,000 and 1,000,000 tasks waiting
``memory``   what an idle installation holds, and after a day's work
``growth``   throughput and claim latency by number of accounts, with one cluster and two
``qualification``  what judging leads costs, one by one and in batches after rules
``record``   all of them, one after the other, into RESULTS.md
"""
