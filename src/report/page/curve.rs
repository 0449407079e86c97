//! A segment's last loads as a small curve.

use super::html::Html;
use super::{day, moment};
use crate::report::sentence::people as counted;
use crate::state::Load;
use crate::text::shown::grouped;

/// The size of the drawing, in its own units.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 56.0;
/// How far the line stays from the edges, so that none of its width is cut off.
const EDGE: f64 = 4.0;

/// Draws how many people the segment had after each of its last loads, from nobody on, so that a small change looks small; nothing
/// where there was none.
pub(super) fn curve(loads: &[Load]) -> Option<Html> {
    let (first, last) = (loads.first()?, loads.last()?);
    let most = loads.iter().map(people).max()?;
    let fewest = loads.iter().map(people).min()?;
    let count = loads.len();
    let said = match (fewest == most, count) {
        (_, 1) => format!("One load: {}", counted(most)),
        (true, _) => format!("{count} loads since {}: {} each time", day(first.at), counted(most)),
        (false, _) => format!(
            "{count} loads since {}: {} to {}",
            day(first.at),
            grouped(fewest),
            counted(most)
        ),
    };
    let label = format!(
        "{said}; after the last one, of {}, {}",
        moment(last.at),
        counted(people(last))
    );
    let drawing = (count > 1).then(|| drawing(loads, most, &label));
    let caption = Html::element("figcaption", &[], Html::text(&said));
    Some(Html::element(
        "figure",
        &[],
        drawing.into_iter().chain([caption]).collect(),
    ))
}

/// Returns how many people a load left; of earlier versions only what its file held is known.
fn people(load: &Load) -> u64 {
    load.people.unwrap_or(load.contacts)
}

fn drawing(loads: &[Load], most: u64, label: &str) -> Html {
    let points: Vec<_> = points(loads, most).collect();
    let line: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let line = line.join(" ");
    let (left, right, ground) = (EDGE, WIDTH - EDGE, HEIGHT - EDGE);
    let area = format!("{left},{ground} {line} {right},{ground}");
    let last = points.last().copied().unwrap_or_default();
    let (x, y) = (format!("{:.1}", last.0), format!("{:.1}", last.1));
    let shapes = [
        Html::element("polygon", &[("points", &area)], Html::default()),
        Html::element("polyline", &[("points", &line)], Html::default()),
        Html::element("circle", &[("cx", &x), ("cy", &y), ("r", "3")], Html::default()),
    ];
    let view = format!("0 0 {WIDTH} {HEIGHT}");
    let attributes = [("viewBox", view.as_str()), ("role", "img"), ("aria-label", label)];
    Html::element("svg", &attributes, shapes.into())
}

/// Returns where the loads lie in the drawing, one behind the other; there are two at least.
#[expect(clippy::cast_precision_loss, reason = "a drawing")]
fn points(loads: &[Load], most: u64) -> impl Iterator<Item = (f64, f64)> {
    let (width, height) = (WIDTH - 2.0 * EDGE, HEIGHT - 2.0 * EDGE);
    let steps = loads.len().saturating_sub(1).max(1) as f64;
    loads.iter().enumerate().map(move |(index, load)| {
        let share = people(load) as f64 / most.max(1) as f64;
        (EDGE + width * index as f64 / steps, HEIGHT - EDGE - height * share)
    })
}
