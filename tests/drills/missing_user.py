"""The environment does not know the application any more: the user is created again, and what failed is loaded."""

from practice import drill


def go(practice):
    practice.fault("no-application-user")
    people = practice.drop("tonight.csv")
    practice.happens("it lies in the failure queue")
    practice.sees("In a minute", "ApplicationUserMissing")
    practice.fault("no-application-user", on=False)
    practice.follow("The application user is missing")
    practice.audience_is(people)


drill(go)
