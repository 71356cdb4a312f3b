"""The life of a task, in reading order.

``shapes``     what is handed along: a claim on a task, and what became of the call
``tasks``      a service writes a task and its lane is woken
``lanes``      a worker leases the lane: one runner per account at a time
``claim``      one transaction: due tasks, consent, campaign, pacing, limits, attempt
``start``      one conditional UPDATE, the last moment a no can stop the act
``acts``       the call to the network, turned into an outcome
``outcomes``   what each answer does to task, attempt, limits and lane
``attempts``   closed or given up, with their units; ``breaker`` counts failures, ``rates`` sets the pace by them
``effects``    what a finished task means to campaigns, conversations, content and discovery
``reconcile``  unclear outcomes: the network is asked before anything else happens
``recover``    attempts whose worker is gone
``runner``     the loop over all of this for one lane
``drain``      many lanes at once in one worker; ``dispatcher`` wakes drains
"""
