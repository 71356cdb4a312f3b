from outreach.lib import frugal

frugal.load()
