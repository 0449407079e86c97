//! One kind of fault rule for every service of the sandbox.

mod bodies;

use super::server::{Answer, Dropped, empty, json, text};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use bodies::{Break, altered, broken, prolonged, rewritten, shortened};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A rule: which calls go wrong, and how.
///
/// Without more it concerns the next call of the operation, once.
///
/// ```
/// # use sandbox::Fault;
/// Fault::on("AddStaticMembers").nth(3).answer(429).header("Retry-After", "7").code("0x80072322");
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    operation: String,
    path_contains: Option<String>,
    first: u64,
    times: u64,
    probability: Option<f64>,
    random: u64,
    seen: u64,
    delay: Duration,
    late_answer: Duration,
    effect: Effect,
    tail: Option<Duration>,
}

#[derive(Clone, Debug)]
enum Effect {
    Nothing,
    Answer(Scripted),
    Stall(usize),
    Cut(usize),
    Truncate(usize),
    Alter(Vec<(HeaderName, Option<HeaderValue>)>),
    DropBefore,
    DropAfter,
    Witness(Witness),
    Rewrite(Rewriting),
    Says(Saying),
}

/// Changes the JSON of an answer.
#[derive(Clone)]
struct Rewriting(Arc<dyn Fn(&mut Value) + Send + Sync>);

/// Is told that a call was processed.
#[derive(Clone)]
struct Witness(Arc<dyn Fn() + Send + Sync>);

/// Makes the JSON of the nth answer.
#[derive(Clone)]
struct Saying(Arc<dyn Fn(u64) -> Value + Send + Sync>);

#[derive(Clone, Debug)]
struct Scripted {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    code: Option<(String, String)>,
    body: Option<(String, String)>,
}

/// Renders a service's own error body: `(code, message) -> (content type, body)`.
pub type ErrorFormat = fn(&str, &str) -> (&'static str, String);

impl Fault {
    /// Starts a rule for an operation such as `AddStaticMembers`, `GET msdynmkt_segments`, `GetObject`, `Token`; `*` is any.
    pub fn on(operation: &str) -> Self {
        Self {
            operation: operation.to_owned(),
            path_contains: None,
            first: 1,
            times: 1,
            probability: None,
            random: 0,
            seen: 0,
            delay: Duration::ZERO,
            late_answer: Duration::ZERO,
            effect: Effect::Nothing,
            tail: None,
        }
    }

    /// Narrows the rule to calls whose decoded path contains this text, such as an S3 prefix.
    pub fn path(mut self, contains: &str) -> Self {
        self.path_contains = Some(contains.to_owned());
        self
    }

    /// Starts with the nth matching call, counted from 1 and from when the rule was added.
    pub fn nth(mut self, first: u64) -> Self {
        self.first = first;
        self
    }

    /// Concerns this many calls in a row.
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// Concerns every call from the first on.
    pub fn always(self) -> Self {
        self.times(u64::MAX)
    }

    /// Concerns each matching call with this probability, drawn from a seeded sequence.
    pub fn with_probability(mut self, probability: f64, seed: u64) -> Self {
        self.probability = Some(probability);
        self.random = seed;
        self.always()
    }

    /// Waits before the call is processed (which then happens even if the client has gone).
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Processes the call at once and holds the answer back.
    pub fn late_answer(mut self, delay: Duration) -> Self {
        self.late_answer = delay;
        self
    }

    /// Answers with this status instead of processing; without more the body is empty.
    pub fn answer(mut self, status: u16) -> Self {
        self.effect = Effect::Answer(Scripted {
            status: StatusCode::from_u16(status).expect("the fault has a valid status"),
            headers: Vec::new(),
            code: None,
            body: None,
        });
        self
    }

    /// Adds a header to the answer.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = name.parse().expect("the fault has a valid header name");
        let value = value.parse().expect("the fault has a valid header value");
        self.scripted().headers.push((name, value));
        self
    }

    /// Gives the answer the service's own error body with this code.
    pub fn code(self, code: &str) -> Self {
        self.error(code, "The sandbox was told to fail.")
    }

    /// Gives the answer the service's own error body with this code and message.
    pub fn error(mut self, code: &str, message: &str) -> Self {
        self.scripted().code = Some((code.to_owned(), message.to_owned()));
        self
    }

    /// Gives the answer a gateway's HTML page.
    pub fn html(self) -> Self {
        self.body(
            "text/html",
            "<html><head><title>Error</title></head><body>gateway</body></html>",
        )
    }

    /// Gives the answer this body.
    pub fn body(mut self, content_type: &str, body: &str) -> Self {
        self.scripted().body = Some((content_type.to_owned(), body.to_owned()));
        self
    }

    /// Processes the call, sends this many bytes of the answer's body and then hangs.
    pub fn stall_after(mut self, bytes: usize) -> Self {
        self.effect = Effect::Stall(bytes);
        self
    }

    /// Processes the call, sends this many bytes of the answer's body and closes the connection.
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.effect = Effect::Cut(bytes);
        self
    }

    /// Processes the call and sends only this many bytes of the body, as if that were all.
    pub fn truncate_to(mut self, bytes: usize) -> Self {
        self.effect = Effect::Truncate(bytes);
        self
    }

    /// Processes the call and changes the JSON of its answer.
    pub fn rewrite(mut self, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        self.effect = Effect::Rewrite(Rewriting(Arc::new(change)));
        self
    }

    /// Answers 200 with this JSON instead of processing, made anew for the first, second, third call of the rule.
    pub fn says(mut self, make: impl Fn(u64) -> Value + Send + Sync + 'static) -> Self {
        self.effect = Effect::Says(Saying(Arc::new(make)));
        self
    }

    /// Has blanks follow the body for ever, as fast as the client reads.
    pub fn endless(self) -> Self {
        self.dripping(Duration::ZERO)
    }

    /// Has blanks follow the body for ever, one at a time.
    pub fn dripping(mut self, every: Duration) -> Self {
        self.tail = Some(every);
        self
    }

    /// Processes the call and gives the answer this header in place of its own, or none of that name.
    pub fn alter_header(mut self, name: &str, value: Option<&str>) -> Self {
        let name = name.parse().expect("the fault has a valid header name");
        let value = value.map(|value| value.parse().expect("the fault has a valid header value"));
        match &mut self.effect {
            Effect::Alter(headers) => headers.push((name, value)),
            _ => self.effect = Effect::Alter(vec![(name, value)]),
        }
        self
    }

    /// Closes the connection before anything is processed.
    pub fn drop_connection(mut self) -> Self {
        self.effect = Effect::DropBefore;
        self
    }

    /// Processes the call and closes the connection instead of answering.
    pub fn commit_then_reset(mut self) -> Self {
        self.effect = Effect::DropAfter;
        self
    }

    /// Processes the call, does this, and closes the connection instead of answering.
    pub fn commit_then(mut self, act: impl Fn() + Send + Sync + 'static) -> Self {
        self.effect = Effect::Witness(Witness(Arc::new(act)));
        self
    }

    /// Counts a call and says whether the rule concerns it.
    pub fn concerns(&mut self, operation: &str, path: &str) -> bool {
        let matches = (self.operation == "*" || self.operation == operation)
            && self.path_contains.as_ref().is_none_or(|part| path.contains(part));
        if !matches {
            return false;
        }
        self.seen += 1;
        self.seen >= self.first
            && self.seen - self.first < self.times
            && self.probability.is_none_or(|probability| self.draw() < probability)
    }

    /// Plays the rule around a call.
    pub async fn play<F>(self, format: ErrorFormat, process: F) -> Result<Answer, Dropped>
    where
        F: Future<Output = Result<Answer, Dropped>>,
    {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let answer = match self.effect {
            Effect::DropBefore => Err(Dropped),
            Effect::Answer(scripted) => Ok(scripted.into_answer(format)),
            Effect::Nothing => process.await,
            Effect::DropAfter => process.await.and(Err(Dropped)),
            Effect::Witness(Witness(act)) => {
                process.await?;
                act();
                Err(Dropped)
            }
            Effect::Stall(bytes) => broken(process.await?, bytes, Break::Hang).await,
            Effect::Cut(bytes) => broken(process.await?, bytes, Break::Close).await,
            Effect::Truncate(bytes) => shortened(process.await?, bytes).await,
            Effect::Alter(headers) => process.await.map(|answer| altered(answer, headers)),
            Effect::Rewrite(Rewriting(change)) => rewritten(process.await?, &*change).await,
            Effect::Says(Saying(make)) => Ok(json(StatusCode::OK, &make(self.seen - self.first + 1))),
        };
        let answer = match self.tail {
            Some(every) => Ok(prolonged(answer?, every)),
            None => answer,
        };
        if !self.late_answer.is_zero() {
            tokio::time::sleep(self.late_answer).await;
        }
        answer
    }

    fn scripted(&mut self) -> &mut Scripted {
        match &mut self.effect {
            Effect::Answer(scripted) => scripted,
            _ => panic!("call answer(status) before the parts of the answer"),
        }
    }

    /// Draws from `SplitMix64`: enough for tests, and the same everywhere.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Scripted {
    fn into_answer(self, format: ErrorFormat) -> Answer {
        let mut answer = match (&self.body, &self.code) {
            (Some((content_type, body)), _) => text(self.status, content_type, body.clone()),
            (None, Some((code, message))) => {
                let (content_type, body) = format(code, message);
                text(self.status, content_type, body)
            }
            (None, None) => empty(self.status),
        };
        answer.headers_mut().extend(self.headers);
        answer
    }
}

impl fmt::Debug for Rewriting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl fmt::Debug for Saying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}
