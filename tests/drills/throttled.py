"""Dynamics throttles: the load takes longer, says so, and ends by itself."""

from practice import drill


def go(practice):
    practice.fault("throttling")
    people = practice.drop("tonight.csv")
    practice.happens("loaded: Summer Sale")
    practice.sees("Dynamics throttles", '"throttled_ms": [1-9]', '"outcome": "loaded"')
    practice.audience_is(people)


drill(go)
