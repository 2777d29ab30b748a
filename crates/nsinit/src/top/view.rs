//! What is shown: the list of containers.

use super::figures::{Row, bytes, graph, percent};

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Processor.
    Cpu,
    /// Memory.
    Memory,
    /// Block devices.
    Io,
    /// Processes.
    Pids,
    /// Pressure.
    Pressure,
    /// Id.
    Id,
}

impl Key {
    /// By its name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "cpu" => Self::Cpu,
            "memory" => Self::Memory,
            "io" => Self::Io,
            "pids" => Self::Pids,
            "pressure" => Self::Pressure,
            "id" => Self::Id,
            _ => return None,
        })
    }

    /// By the key that is typed for it.
    pub fn typed(key: char) -> Option<Self> {
        Some(match key {
            'c' => Self::Cpu,
            'm' => Self::Memory,
            'i' => Self::Io,
            'p' => Self::Pids,
            'w' => Self::Pressure,
            'n' => Self::Id,
            _ => return None,
        })
    }

    /// Sorts: the most first, ids as in the alphabet; what is not known comes last.
    pub fn sort(self, rows: &mut [Row], reverse: bool) {
        let value = |row: &Row| match self {
            Self::Cpu => row.rates.cpu,
            Self::Memory => row.memory(),
            Self::Io => row.rates.io(),
            Self::Pids => row.pids().map(|pids| pids as f64),
            Self::Pressure => row.worst_pressure(),
            Self::Id => None,
        };
        rows.sort_by(|one, other| {
            let order = match (value(one), value(other)) {
                (Some(one), Some(other)) => other.total_cmp(&one),
                (one, other) => other.is_some().cmp(&one.is_some()),
            };
            let order = order.then_with(|| one.id.cmp(&other.id));
            if reverse { order.reverse() } else { order }
        });
    }
}

/// How things are drawn on this terminal.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Colours may be used.
    pub colours: bool,
    /// It has ASCII only.
    pub ascii: bool,
}

impl Look {
    /// By the environment (locale(7), <https://no-color.org>).
    pub fn of_this_terminal() -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .filter_map(std::env::var_os)
            .find(|value| !value.is_empty())
            .unwrap_or_default();
        let locale = locale.to_string_lossy().to_lowercase();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        Self { colours: crate::report::style(true), ascii: !utf8 }
    }

    /// Text with an SGR code, where that is a colour only if there may be some.
    pub fn paint(&self, code: &str, text: &str) -> String {
        let plain = ["1", "2", "7"].contains(&code);
        match self.colours || plain {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }
}

/// The columns after the id, from the left: headline, width, the key that sorts by it.
const COLUMNS: [(&str, usize, Option<Key>); 9] = [
    ("CPU%", 7, Some(Key::Cpu)),
    ("MEMORY", 8, Some(Key::Memory)),
    ("LIMIT", 7, None),
    ("READ/s", 8, Some(Key::Io)),
    ("WRITE/s", 8, Some(Key::Io)),
    ("PIDS", 9, Some(Key::Pids)),
    ("P-CPU", 6, Some(Key::Pressure)),
    ("P-MEM", 6, Some(Key::Pressure)),
    ("P-IO", 6, Some(Key::Pressure)),
];

/// The list's state.
#[derive(Debug)]
pub struct List {
    /// What it is sorted by.
    pub sort: Key,
    /// The other way round.
    pub reverse: bool,
    /// The chosen container.
    pub chosen: Option<String>,
}

impl List {
    /// Which row is chosen; the first where the chosen one is gone.
    pub fn index(&self, rows: &[Row]) -> usize {
        let chosen = self.chosen.as_deref();
        rows.iter().position(|row| Some(&*row.id) == chosen).unwrap_or(0)
    }

    /// Chooses the row so many further down.
    pub fn go(&mut self, rows: &[Row], by: isize) {
        let last = rows.len().saturating_sub(1);
        let index = self.index(rows).saturating_add_signed(by).min(last);
        self.chosen = rows.get(index).map(|row| row.id.clone());
    }

    /// The lines of a screen.
    pub fn lines(&self, rows: &[Row], (height, width): (usize, usize), look: Look) -> Vec<String> {
        let fixed: usize = COLUMNS.iter().map(|(_, width, _)| width).sum();
        let spare = width.saturating_sub(fixed);
        // What the id does not need is the graph's, up to twenty looks.
        let longest = rows.iter().map(|row| row.id.chars().count()).max().unwrap_or(0).max(8);
        let graph_width = spare.saturating_sub(longest + 1).min(20);
        let graph_width = if graph_width < 5 { 0 } else { graph_width };
        let id_width = spare.saturating_sub(graph_width + usize::from(graph_width > 0)).max(8);
        let mut lines = vec![self.title(rows, look), self.headline(id_width, graph_width, look)];
        let chosen = self.index(rows);
        let room = height.saturating_sub(3).max(1);
        let first = (chosen + 1).saturating_sub(room);
        for (index, row) in rows.iter().enumerate().skip(first).take(room) {
            let line = line(row, id_width, graph_width, look);
            lines.push(if index == chosen { look.paint("7", &line) } else { line });
        }
        lines.resize(height.saturating_sub(1).max(lines.len()), String::new());
        lines.truncate(height.saturating_sub(1));
        let help = "q quit  Enter detail  sort: c cpu  m memory  i io  p pids  w pressure  n name";
        lines.push(look.paint("2", help));
        lines
    }

    fn title(&self, rows: &[Row], look: Look) -> String {
        let alive = rows.iter().filter(|row| row.stats.is_some()).count();
        let sum = |of: fn(&Row) -> Option<f64>| {
            rows.iter().filter_map(of).reduce(|one, other| one + other)
        };
        let (cpu, memory) = (percent(sum(|row| row.rates.cpu)), bytes(sum(Row::memory)));
        let containers = if rows.len() == 1 { "container" } else { "containers" };
        let count = format!("{} {containers}, {alive} running", rows.len());
        format!("{}  {count}  CPU {cpu}%  memory {memory}", look.paint("1", "nsinit top"))
    }

    fn headline(&self, id_width: usize, graph_width: usize, look: Look) -> String {
        let mark = if self.reverse { '^' } else { 'v' };
        let marked = |text: &str, key: Option<Key>| match key == Some(self.sort) {
            true => format!("{text}{mark}"),
            false => text.to_owned(),
        };
        let mut text = format!("{:<id_width$}", marked("ID", Some(Key::Id)));
        if graph_width > 0 {
            text.push_str(&format!(" {:<graph_width$}", ""));
        }
        for (name, width, key) in COLUMNS {
            text.push_str(&format!("{:>width$}", marked(name, key)));
        }
        look.paint("1", &text)
    }
}

fn line(row: &Row, id_width: usize, graph_width: usize, look: Look) -> String {
    let id: String = row.id.chars().take(id_width).collect();
    let mut text = format!("{id:<id_width$}");
    if graph_width > 0 {
        let full = row.history.iter().copied().fold(100.0, f64::max);
        text.push_str(&format!(" {}", graph(&row.history, graph_width, full, look.ascii)));
    }
    if row.stats.is_none() {
        text.push_str(&format!("  {}", row.status.name()));
        return text;
    }
    let [cpu, memory, io] = row.pressure();
    let cells = [
        percent(row.rates.cpu),
        bytes(row.memory()),
        bytes(row.memory_limit()),
        bytes(row.rates.read),
        bytes(row.rates.write),
        row.processes(),
        percent(cpu),
        percent(memory),
        percent(io),
    ];
    for (column, (cell, (_, width, _))) in cells.iter().zip(COLUMNS).enumerate() {
        let cell = format!("{cell:>width$}");
        let worrying = match column {
            1 => row.memory_part().is_some_and(|part| part > 0.9),
            6 => cpu.is_some_and(|part| part > 50.0),
            7 => memory.is_some_and(|part| part > 10.0),
            8 => io.is_some_and(|part| part > 50.0),
            _ => false,
        };
        text.push_str(&if worrying { look.paint("31", &cell) } else { cell });
    }
    if row.status == libcontainer::Status::Paused {
        text.push_str(" paused");
    }
    text
}

#[cfg(test)]
mod tests;
