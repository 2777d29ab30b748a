//! Samples, and what is said of them.

/// One run of a sequence, with what the kernel says of its processes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sample {
    pub ns: u64,
    pub cpu_us: u64,
    pub peak_kib: u64,
    pub faults: u64,
    pub switches: u64,
    pub code: u64,
}

impl Sample {
    /// From a line of the launcher, with the sequence's number.
    pub fn parse(line: &str) -> Option<(usize, Self)> {
        let mut numbers = line.split(' ').map(|text| text.parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        let index = usize::try_from(next()?).ok()?;
        Some((
            index,
            Self {
                ns: next()?,
                cpu_us: next()?,
                peak_kib: next()?,
                faults: next()?,
                switches: next()?,
                code: next()?,
            },
        ))
    }
}

/// What one candidate's runs came to. Times in ms; the median of CPU, faults and switches; the
/// peak of the peaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    pub median_ms: f64,
    pub p99_ms: f64,
    pub min_ms: f64,
    pub cpu_ms: f64,
    pub peak_kib: f64,
    pub faults: f64,
    pub switches: f64,
}

impl Summary {
    /// The cells of a table of times.
    pub fn cells(&self, calls: Option<u64>) -> Vec<Option<f64>> {
        vec![
            Some(self.median_ms),
            Some(self.p99_ms),
            Some(self.min_ms),
            Some(self.cpu_ms),
            Some(self.peak_kib / 1024.0),
            calls.map(|calls| calls as f64),
            Some(self.faults),
            Some(self.switches),
        ]
    }
}

/// None where there are no samples.
pub fn summarize(samples: &[Sample]) -> Option<Summary> {
    let of = |share, value: fn(&Sample) -> u64| {
        quantile(samples.iter().map(|sample| value(sample) as f64).collect(), share)
    };
    Some(Summary {
        median_ms: of(0.5, |s| s.ns)? / 1e6,
        p99_ms: of(0.99, |s| s.ns)? / 1e6,
        min_ms: of(0.0, |s| s.ns)? / 1e6,
        cpu_ms: of(0.5, |s| s.cpu_us)? / 1e3,
        peak_kib: of(1.0, |s| s.peak_kib)?,
        faults: of(0.5, |s| s.faults)?,
        switches: of(0.5, |s| s.switches)?,
    })
}

/// The quantile of some values, between neighbours by their distance.
pub fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = share * (values.len().checked_sub(1)? as f64);
    let below = *values.get(place.floor() as usize)?;
    let above = *values.get(place.ceil() as usize)?;
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests;
