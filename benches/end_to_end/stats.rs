//! Latencies collected and summed up.

use std::fmt;
use std::time::Duration;

/// Latencies of one scenario and the wall time they took together.
pub(crate) struct Sample {
    sorted: Vec<Duration>,
    wall: Duration,
}

impl Sample {
    pub(crate) fn new(mut latencies: Vec<Duration>, wall: Duration) -> Self {
        assert!(!latencies.is_empty(), "a scenario that measured nothing");
        latencies.sort_unstable();
        Self { sorted: latencies, wall }
    }

    /// The latency that `percent` per cent do not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let last = self.sorted.len() - 1;
        self.sorted[(self.sorted.len() * percent / 100).min(last)]
    }

    pub(crate) fn p50(&self) -> Duration {
        self.percentile(50)
    }

    /// Operations a second over the wall time.
    pub(crate) fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.sorted.len()).unwrap()) / self.wall.as_secs_f64()
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (show(self.p50()), show(self.percentile(99)));
        write!(f, "p50 {p50}, p99 {p99}, {:.0}/s", self.rate())
    }
}

/// In the unit that reads best.
pub(crate) fn show(duration: Duration) -> String {
    let us = duration.as_secs_f64() * 1e6;
    if us < 1_000.0 { format!("{us:.0} us") } else { format!("{:.1} ms", us / 1e3) }
}

/// How many times `of` is in `this`.
pub(crate) fn ratio(this: Duration, of: Duration) -> f64 {
    this.as_secs_f64() / of.as_secs_f64()
}

/// The rows of the report.
#[derive(Default)]
pub(crate) struct Report(Vec<[String; 4]>);

impl Report {
    /// What was measured, what came out, the same of the bare echo server, and the ratio of the two.
    pub(crate) fn row(&mut self, what: &str, figure: String, echo: &str, ratio: Option<f64>) {
        let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        eprintln!("{what}: {figure} (echo: {echo}, ratio {ratio})");
        self.0.push([what.to_owned(), figure, echo.to_owned(), ratio]);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | measured | bare echo server | ratio |\n| --- | --- | --- | --- |")?;
        self.0.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}
