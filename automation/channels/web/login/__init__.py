"""Signing in by hand: a person does it once, in a window or on a page that shows one, and the session is kept.

``sign_in(login, ...)`` is what ``manage.py login`` calls; other channels may offer the same.
"""

from automation.channels.web.login.window import GivenUp, Options, sign_in

__all__ = ["GivenUp", "Options", "sign_in"]
