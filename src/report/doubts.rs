//! What was seen not to hold in the environment, as loads that rest on it tell it.

use super::{Outcome, RunReport};
use crate::config::{CheckContacts, Rules};
use crate::domain::{Fact, utc};
use crate::state::Doubts;

/// The facts that a load takes for granted without seeing them itself, and what it means where one does not hold.
const TAKEN_FOR_GRANTED: [(Fact, &str); 9] = [
    (
        Fact::AddTwice,
        "a call that is repeated after a failure may be refused, and the load with it",
    ),
    (
        Fact::ListShowsWrites,
        "loads take longer, and may fail as MembersDiffer",
    ),
    (
        Fact::DraftIsHidden,
        "whoever looks at a new segment may see its members before they are verified and published",
    ),
    (
        Fact::PublishedIsExact,
        "members may be missing from what is published: compare `member_count` with `contacts`",
    ),
    (
        Fact::ChangeIsHiddenUntilPublish,
        "journeys may see a change while it is being written, before it is verified and published",
    ),
    (
        Fact::PublishAgain,
        "a change may not be published although Dynamics says so",
    ),
    (
        Fact::RemoveTwice,
        "a call that is repeated after a failure may be refused, and the load with it",
    ),
    (
        Fact::UnknownContact,
        "ids that are no contacts become members and are counted: set `check_contacts` to `added`, which leaves them out",
    ),
    (
        Fact::StaleEtagIsRefused,
        "what somebody else changes in the definition in the very moment in which a load saves its own change can be lost",
    ),
];

impl RunReport {
    /// Returns whether the run rests, or would rest, on what Dynamics does with a change.
    pub(super) const fn rests_on_facts(&self) -> bool {
        matches!(self.outcome, Outcome::Loaded | Outcome::Computing | Outcome::DryRun)
    }
}

/// Says which of the facts that a load takes for granted were seen not to hold, where the rules do not make up for it.
pub(super) fn warnings(doubts: &Doubts, rules: Option<&Rules>) -> Vec<String> {
    let Some(at) = doubts.at else { return Vec::new() };
    let is_missed = |fact| !rules.is_some_and(|rules| make_up_for(rules, fact));
    let in_doubt = TAKEN_FOR_GRANTED
        .iter()
        .filter(|(fact, _)| doubts.facts.contains(fact) && is_missed(*fact));
    let sentence = |(fact, means): &(Fact, &str)| {
        let (name, at) = (fact.name(), utc(at));
        format!(
            "verify_environment saw at {at} that `{name}` does not hold here: {means}; once it is mended, verify again"
        )
    };
    in_doubt.map(sentence).collect()
}

/// Returns whether loads do not take a fact for granted by these rules: what Dynamics does, nobody can mend there.
fn make_up_for(rules: &Rules, fact: Fact) -> bool {
    fact == Fact::UnknownContact && rules.check_contacts == CheckContacts::Added
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn each_fact_in_doubt_that_loads_rest_on_is_a_sentence() {
        let doubts = Doubts {
            at: DateTime::from_timestamp(1_795_413_600, 0),
            facts: vec![Fact::DraftIsHidden, Fact::Stop, Fact::Create],
        };
        let expected = "verify_environment saw at 2026-11-23T06:00:00Z that `draft_is_hidden` does not hold here: whoever looks \
                        at a new segment may see its members before they are verified and published; once it is mended, verify \
                        again";
        assert_eq!(warnings(&doubts, None), [expected]);
        assert_eq!(warnings(&Doubts::default(), None), Vec::<String>::new());
    }
}
