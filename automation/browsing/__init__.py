"""The browser from the installation's side: who may use it when, and whose session is restored.

:mod:`automation.browser` drives it and knows no row; ``desk`` joins the two.
"""
