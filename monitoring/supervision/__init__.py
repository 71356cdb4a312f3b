"""`manage.py up`: the parts of an installation on one machine, kept running as a whole."""
