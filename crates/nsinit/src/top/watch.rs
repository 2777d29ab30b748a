//! What the containers use, look after look.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use libcontainer::{Container, ErrorKind, Factory, Result, Stats};

use super::figures::{Rates, Row};

/// How many looks are remembered, for the graphs.
const REMEMBERED: usize = 120;

/// The containers, and what they used at the last look.
pub struct Watch<'a> {
    factory: &'a Factory,
    known: BTreeMap<String, Known>,
}

struct Known {
    container: Container,
    last: Option<(Instant, Stats)>,
    history: VecDeque<f64>,
}

impl<'a> Watch<'a> {
    /// Of all containers.
    pub fn new(factory: &'a Factory) -> Self {
        Self { factory, known: BTreeMap::new() }
    }

    /// Looks. A container that cannot be read, or has gone meanwhile, is passed over.
    pub fn look(&mut self) -> Result<Vec<Row>> {
        let ids = self.factory.list()?;
        self.known.retain(|id, _| ids.contains(id));
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            let known = match self.known.remove(&id) {
                Some(known) => known,
                None => match self.factory.load(&id) {
                    Ok(container) => Known { container, last: None, history: VecDeque::new() },
                    Err(_) => continue,
                },
            };
            let Ok((known, row)) = known.look(&id) else { continue };
            // Another may come in the place of one that has ended.
            if row.status.is_alive() {
                self.known.insert(id, known);
            }
            rows.push(row);
        }
        Ok(rows)
    }
}

impl Known {
    fn look(mut self, id: &str) -> Result<(Self, Row)> {
        let mut status = self.container.status()?;
        let mut stats = None;
        if status.is_alive() {
            stats = match self.container.stats() {
                Err(error) if *error.kind() == ErrorKind::NotFound => return Err(error),
                Err(_) => {
                    status = self.container.status()?;
                    None
                }
                Ok(stats) => Some(stats),
            };
        }
        let now = Instant::now();
        let rates = match (&self.last, &stats) {
            (Some((before, last)), Some(stats)) => Rates::between(last, stats, now - *before),
            _ => Rates::default(),
        };
        if let Some(cpu) = rates.cpu {
            self.history.push_back(cpu);
            while self.history.len() > REMEMBERED {
                self.history.pop_front();
            }
        }
        let row = Row {
            id: id.to_owned(),
            status,
            pid: self.container.init()?.map(|(pid, _)| pid),
            created: self.container.created_at()?,
            stats: stats.clone(),
            rates,
            history: self.history.iter().copied().collect(),
        };
        self.last = stats.map(|stats| (now, stats));
        Ok((self, row))
    }
}
