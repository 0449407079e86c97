"""The function is killed in the middle of a load, at every attempt: the next sweep after its lease goes on."""

from practice import drill


def go(practice):
    practice.fault("killed")
    people = practice.drop("tonight.csv")
    practice.happens("it lies in the failure queue")
    practice.sees("In a minute", "Runtime.ExitError")
    practice.fault("killed", on=False)
    practice.follow("The function was killed")
    practice.audience_is(people)


# The shortest lease: the drill waits for its end.
drill(go, "--lease-seconds", "6")
