"""A live journey uses the segment: the journey ends, and what failed is loaded."""

from practice import drill


def go(practice):
    practice.fault("in-use")
    people = practice.drop("tonight.csv")
    practice.happens("it lies in the failure queue")
    practice.sees("In a minute", "SegmentInUse")
    practice.fault("in-use", on=False)
    practice.follow("A live journey uses the segment")
    practice.audience_is(people)


drill(go)
