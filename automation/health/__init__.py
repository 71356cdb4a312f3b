"""How accounts fare, judged by how their last tasks ended: measured, decided, acted upon.

``reading``  one indexed query, whatever the number of accounts
``rules``    from what was read to a health; pure, with hysteresis
``services`` what follows: an account that goes badly rests by itself and comes back by itself
"""
