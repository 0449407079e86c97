"""The faults that no night is about do what the sandbox says, too."""

from practice import FIRST, SEGMENT, commands, drill

SWEEP = commands(FIRST) + """run '{"action":"sweep","now":true}'"""


def go(practice):
    practice.fault("lost-event")
    people = practice.drop("monday.csv")
    practice.happens("its event is lost")
    practice.shell(SWEEP)
    practice.audience_is(people)

    practice.fault("lagging-lists")
    people = practice.drop("tuesday.csv")
    practice.happens(f"loaded: {SEGMENT}", 2)
    practice.audience_is(people)
    practice.fault("lagging-lists", on=False)

    practice.fault("failed-publish")
    people = practice.drop("wednesday.csv")
    practice.happens("it lies in the failure queue")
    practice.fault("failed-publish", on=False)
    practice.shell(SWEEP)
    practice.audience_is(people)

    practice.fault("late-publish")
    practice.drop("thursday.csv")
    practice.happens(f"computing: {SEGMENT}")


drill(go, "--secret", "publish_wait_seconds=5")
