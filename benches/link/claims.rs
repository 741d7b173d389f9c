//! What `docs/benchmarks.md` claims, held against what was measured.

use std::time::Duration;

use testbed::stopwatch::{median, milliseconds};

use crate::{CASES, Measured};

/// How many times faster than `cp -a` at 1 GB, at least.
const FASTER: f64 = 100.0;
/// What one layer more may cost.
const LAYER: Duration = Duration::from_millis(1);
/// How long the removal of a linked session may take.
const REMOVAL: Duration = Duration::from_millis(100);
/// Between the best times of two cases that should take the same. Best, not median: what else the
/// machine does only ever adds, and to times as short as these it adds much.
const NOISE: f64 = 1.5;

/// Prints what was measured.
pub(crate) fn table(measured: &[Measured]) {
    println!(
        "\n{:<20}{:>7}{:>9}{:>10}{:>9}{:>11}{:>14}{:>11}",
        "data root", "layers", "files", "copied", "cp -a", "link", "cp -a / link", "rm"
    );
    for one in measured {
        let copied = one.report.as_ref().map_or(0, |report| report.bytes_copied);
        println!(
            "{:<20}{:>7}{:>9}{:>7.1} MB{:>7.2} s{:>8.1} ms{:>14.0}{:>8.1} ms",
            one.case.name,
            one.case.shape.layers,
            one.case.shape.files,
            copied as f64 / 1e6,
            one.copy().as_secs_f64(),
            milliseconds(one.link()),
            one.ratio(),
            milliseconds(median(&one.removals)),
        );
    }
    println!(
        "Medians; copied: what a linked session has of its own; cp -a: all of it; rm: session rm.\n"
    );
}

/// Prints each claim with what it rests on; says whether all of them hold.
pub(crate) fn hold(measured: &[Measured]) -> bool {
    let sizes: Vec<&Measured> = measured
        .iter()
        .filter(|one| one.case.shape.layers == CASES[0].shape.layers)
        .collect();
    let (Some(smallest), Some(largest)) = (sizes.first(), sizes.last()) else {
        return false;
    };
    let mut all = true;
    let mut claim = |holds: bool, text: String| {
        println!("{}: {text}", if holds { "holds " } else { "BROKEN" });
        all &= holds;
    };
    if let Some(one_gb) = sizes.iter().find(|one| one.case.name == "1 GB") {
        claim(
            one_gb.ratio() >= FASTER,
            format!(
                "link is at least {FASTER} times faster than cp -a at 1 GB: {:.0} times",
                one_gb.ratio()
            ),
        );
    }
    let ratios: Vec<f64> = sizes.iter().map(|one| one.ratio()).collect();
    claim(
        ratios.is_sorted(),
        format!("the ratio grows with the size: {ratios:.0?}"),
    );
    let growth = largest.best_link().as_secs_f64() / smallest.best_link().as_secs_f64();
    claim(
        growth < NOISE,
        format!(
            "link takes the same for {} as for {} (best times): {growth:.2} times as long",
            largest.case.name, smallest.case.name
        ),
    );
    if let Some(many) = measured
        .iter()
        .find(|one| one.case.shape.layers > smallest.case.shape.layers)
    {
        let more = many.case.shape.layers - smallest.case.shape.layers;
        let layer = many.best_link().saturating_sub(smallest.best_link())
            / u32::try_from(more).unwrap_or(u32::MAX);
        claim(
            layer < LAYER,
            format!(
                "a layer more takes link less than {} ms (best times): {:.2} ms",
                milliseconds(LAYER),
                milliseconds(layer)
            ),
        );
    }
    let slowest = measured.iter().map(Measured::best_removal).max();
    let slowest = slowest.unwrap_or_default();
    claim(
        slowest < REMOVAL,
        format!(
            "a linked session is removed in less than {} ms (best times): {:.1} ms at most",
            milliseconds(REMOVAL),
            milliseconds(slowest)
        ),
    );
    all
}

impl Measured {
    fn copy(&self) -> Duration {
        median(&self.copies)
    }

    fn link(&self) -> Duration {
        median(&self.links)
    }

    fn best_link(&self) -> Duration {
        self.links.iter().min().copied().unwrap_or_default()
    }

    fn best_removal(&self) -> Duration {
        self.removals.iter().min().copied().unwrap_or_default()
    }

    fn ratio(&self) -> f64 {
        self.copy().as_secs_f64() / self.link().as_secs_f64()
    }
}
