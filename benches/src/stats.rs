//! Samples, and what is said of them.

/// What one candidate's runs came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    pub median_ms: f64,
    pub p99_ms: f64,
    pub min_ms: f64,
    /// Peak resident memory of the largest process that took part, in KiB.
    pub peak_kib: u64,
}

/// One run: wall time in nanoseconds, peak resident KiB.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub ns: u64,
    pub peak_kib: u64,
}

/// None where there are no samples.
pub fn summarize(samples: &[Sample]) -> Option<Summary> {
    let mut times: Vec<f64> = samples.iter().map(|sample| sample.ns as f64 / 1e6).collect();
    times.sort_by(f64::total_cmp);
    Some(Summary {
        median_ms: quantile(&times, 0.5)?,
        p99_ms: quantile(&times, 0.99)?,
        min_ms: *times.first()?,
        peak_kib: samples.iter().map(|sample| sample.peak_kib).max()?,
    })
}

/// The quantile of sorted values, between neighbours by their distance.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * (sorted.len().checked_sub(1)? as f64);
    let below = *sorted.get(place.floor() as usize)?;
    let above = *sorted.get(place.ceil() as usize)?;
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests;
