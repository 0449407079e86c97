//! One worker's S3: its answers about heads and files, which may be late, lost or refused.

use super::Plant;
use super::calls::Simulated;
use super::contacts::ids;
use super::traps::Harm;
use segment_loader::domain::{ContactSet, SegmentName};
use segment_loader::source::{self, Begun, ObjectVersion, Problem, Rows};
use segment_loader::state::{self, Head, Stored};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;

impl Simulated {
    /// Reads a head.
    pub(super) async fn fetch_head(&self, segment_name: &SegmentName) -> Result<Option<Stored>, state::Error> {
        if !self.ask_s3(5, 150, self.faults().refuse / 10).await {
            return Err(Self::head_error(&format!("head of {segment_name}"), "read"));
        }
        let index = self.head_of(segment_name);
        let (plant, head) = {
            let world = self.world.get();
            if world.head_is_unreadable(index) {
                return Err(Self::unreadable_head(segment_name));
            }
            (world.plant, world.heads[index].clone())
        };
        let (read_at, read) = (self.now(), head.clone());
        let head = head.map(|head| self.sight.borrow_mut().falsify_seen(plant, head));
        self.pause(5, 150).await;
        self.world.get().known.read(self.process, index, read.as_ref(), read_at);
        Ok(head.map(|head| Stored {
            etag: head.nonce.clone(),
            head,
        }))
    }

    /// Writes a head if it is still the one that was read; the answer may be lost, or no try succeed.
    pub(super) async fn store_head(&self, head: &Head, replacing: Option<&str>) -> Result<bool, state::Error> {
        let index = self.head_of(&head.segment_name);
        let plant = self.world.get().plant;
        self.act_or_die().await;
        let unanswered_until = self.awaits_until();
        let head = self.sight.borrow_mut().falsify_written(plant, head.clone(), replacing);
        let (name, replacing) = (head.segment_name.clone(), replacing.map(str::to_owned));
        let is_written = Rc::new(Cell::new(false));
        let (answer, arrives) = (Rc::clone(&is_written), self.between(5, 200));
        let process = self.process;
        let written = head.clone();
        self.world.after(arrives, move |_, world| {
            if world.swap(process, index, replacing.as_deref(), &head) {
                answer.set(true);
                world.late_until[index] = world.late_until[index].max(unanswered_until);
            }
        });
        sleep(Duration::from_millis(arrives)).await;
        self.pause(5, 200).await;
        let faults = self.faults();
        if self.goes_wrong(faults.lose_answer) {
            self.sight.borrow_mut().leaves_unheard(&written);
            // The SDK writes again, and that is refused.
            self.pause(100, 3_000).await;
            return Ok(false);
        }
        if self.goes_wrong(faults.give_up / 5) {
            return Err(Self::head_error(&format!("head of {name}"), "written"));
        }
        self.hear();
        Ok(is_written.get())
    }

    /// Reads a file, or all files of a result, to the end; half of them are long enough for others to begin beside it.
    pub(super) async fn read_contacts(&self, parts: &[ObjectVersion], mut begun: Begun) -> Result<Rows, source::Error> {
        let is_in_several = self.world.get().scenario.is_in_several();
        let index = match (parts, self.looks_at.get()) {
            (_, Some(file)) if is_in_several => file,
            ([object], None) => object.etag.parse().unwrap(),
            _ => return Err(Self::object_error("several")),
        };
        self.begin_with(index);
        match self.act_or_die().await {
            Some(Harm::Hangs) => self.hang().await?,
            Some(Harm::IsDenied) => return Err(self.denied(index)),
            _ => {}
        }
        if self.between(0, 2) == 0 {
            self.pause(20, 1_000).await;
            begun.parsed(usize::MAX);
        }
        if !self.ask_s3(50, 5_000, self.faults().refuse / 5).await {
            return Err(Self::object_error("a file"));
        }
        let world = self.world.get();
        let file = &world.scenario.files[index];
        let object = file.key.clone();
        if !is_in_several && file.overwritten.is_some_and(|at| at <= world.now()) {
            return Err(source::Error::Replaced { object });
        }
        if file.is_unreadable {
            let problem = Problem::Truncated { format: "gzip" };
            return Err(source::Error::Invalid { object, problem });
        }
        let is_read_again = world.plant == Some(Plant::NobodyIsFoundAgain) && world.oracle.was_counted(index);
        let contacts = if is_read_again {
            0
        } else if is_in_several {
            {
                let is_marker = world.plant == Some(Plant::PartsAreTakenForTheMarker);
                world.scenario.read_parts(parts, world.now(), is_marker)?
            }
        } else {
            file.contacts
        };
        Ok(Rows {
            contacts: ContactSet::from(ids(contacts)),
            rows: contacts.count_ones().into(),
            ..Rows::default()
        })
    }
}
