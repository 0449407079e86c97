//! What a head knows of an input, by the place and the tag of its object: in whatever mode and of whatever files it was loaded.

use super::Enlisted;
use crate::domain::{Order, RunId};
use crate::state::head::{Head, Wish};

impl Head {
    /// Returns what the head knows of what an event tells of; nothing where it is new.
    pub fn recall(&self, wish: &Wish) -> Option<Enlisted> {
        if let Some(refused) = self
            .refused
            .iter()
            .find(|refused| wish.is_about(&refused.order, refused.etag.as_deref()))
        {
            return Some(Enlisted::Refused(refused.clone()));
        }
        if self.pending.iter().any(|pending| pending.is_same_object(wish)) {
            return Some(Enlisted::Pending);
        }
        let was_applied = self.applied.iter().any(|applied| applied.wish.is_same_object(wish));
        if was_applied || self.has_counted(wish) {
            return Some(Enlisted::Applied);
        }
        let is_overtaken = self.settled.as_ref().is_some_and(|settled| wish.order <= *settled);
        is_overtaken.then_some(Enlisted::Superseded)
    }

    /// Returns the name that the head knows a wish's object by, which may have been given for another mode or other files.
    pub fn name_of(&self, wish: &Wish) -> Option<&RunId> {
        let pending = self.pending.iter().filter(|pending| pending.is_same_object(wish));
        let pending = pending.max_by_key(|pending| pending.rank());
        let applied = self.applied.iter().map(|applied| &applied.wish);
        let applied = applied.filter(|applied| applied.is_same_object(wish));
        let is_this = |order: &Order, etag: &Option<String>| wish.is_about(order, etag.as_deref());
        let refused = self
            .refused
            .iter()
            .filter(|refused| is_this(&refused.order, &refused.etag));
        let counted = self
            .counted
            .iter()
            .filter(|counted| is_this(&counted.order, &counted.etag));
        let names = refused.map(|refused| &refused.run_id);
        let names = names.chain(pending.into_iter().chain(applied).map(|wish| &wish.run_id));
        names.chain(counted.map(|counted| &counted.run_id)).next()
    }

    /// Tells whether an addition or removal was carried out; one older than all that is remembered counts as one.
    fn has_counted(&self, wish: &Wish) -> bool {
        let is_this = self
            .counted
            .iter()
            .any(|counted| wish.is_about(&counted.order, counted.etag.as_deref()));
        let oldest = self.counted.iter().map(|counted| &counted.order).min();
        let is_forgotten = self.counted.len() >= Self::REMEMBERED && oldest.is_some_and(|oldest| wish.order < *oldest);
        is_this || is_forgotten
    }
}
