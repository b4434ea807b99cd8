"""Scheduled runs over an inbox: reading, budget, time windows, report."""
