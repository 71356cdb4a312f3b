"""Reading a lead's own public page: politely, within limits, and as data.

    page = websites.read("https://example.org")

It obeys robots.txt under a name of its own, reaches public addresses only, and takes a bounded number of bytes and
seconds. A page is fetched plainly first; a browser opens it only when it is empty without its scripts. Addresses that
somebody wrote so that machines do not read them (``name [at] example.org``) are left alone.
"""

from automation.discovery.websites.errors import Disallowed, Unreachable, Unreadable, WebsiteError
from automation.discovery.websites.page import Link, Page
from automation.discovery.websites.reading import read

__all__ = ["Disallowed", "Link", "Page", "Unreachable", "Unreadable", "WebsiteError", "read"]
