//! Sets of up to 128 contacts as bits, since a debug build compares them thousands of times a second.

use super::rng::Rng;
use segment_loader::domain::ContactId;

/// The bit of every contact that is in the set.
pub(super) type Contacts = u128;

/// Returns the contacts' ids, ascending.
pub(super) fn ids(mut contacts: Contacts) -> Vec<ContactId> {
    let mut ids = Vec::with_capacity(contacts.count_ones() as usize);
    while contacts != 0 {
        let id = u128::from(contacts.trailing_zeros() + 1);
        ids.extend(ContactId::from_bytes(id.to_be_bytes()));
        contacts &= contacts - 1;
    }
    ids
}

/// Returns the set of these ids.
pub(super) fn set_of(ids: &[ContactId]) -> Contacts {
    ids.iter()
        .fold(0, |set, id| set | 1 << (u128::from_be_bytes(id.as_bytes()) - 1))
}

/// Draws `per_mille` of the contacts, each on its own.
pub(super) fn some_of(rng: &mut Rng, contacts: Contacts, per_mille: u64) -> Contacts {
    (0..128)
        .filter(|bit| contacts >> bit & 1 == 1 && rng.happens(per_mille))
        .fold(0, |set, bit| set | 1 << bit)
}
