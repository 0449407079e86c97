"""The client secret has expired: a new one is stored, and what failed is loaded."""

from practice import drill


def go(practice):
    new = practice.fault("expired-secret")["new_client_secret"]
    people = practice.drop("tonight.csv")
    practice.happens("it lies in the failure queue")
    practice.sees("In a minute", "EntraRefused", "7000222")
    practice.follow("The client secret has expired", f"{new}\n2028-11-22\n")
    practice.audience_is(people)


drill(go)
