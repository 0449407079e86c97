"""The head of the segment is damaged: the version before comes back, and what failed is loaded."""

from practice import drill


def go(practice):
    people = practice.drop("yesterday.csv")
    practice.happens("loaded: Summer Sale")
    practice.audience_is(people)
    practice.fault("damaged-head")
    people = practice.drop("tonight.csv")
    practice.happens("it lies in the failure queue")
    practice.sees("In a minute", "StateUnreadable")
    practice.follow("A head is damaged")
    practice.audience_is(people)


drill(go)
