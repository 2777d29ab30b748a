//! Charts as plain SVG, readable on a light and on a dark page.

use std::fmt::Write;

use crate::layout::Layout;
use crate::table::Table;

/// What the bars are of: key and what people call it.
const PANELS: [(&str, &str); 8] = [
    ("run", "run /bin/true"),
    ("seccomp", "run, Docker's seccomp profile"),
    ("lifecycle", "create + start + delete"),
    ("exec", "exec /bin/true"),
    ("state", "state"),
    ("kill", "kill"),
    ("list", "list of 100"),
    ("rootless", "run, rootless"),
];
const SHOWN: [&str; 5] = ["floor", "nsrun", "crun", "runc", "youki"];
const STYLE: &str = "<style>\n\
    text { font: 12px sans-serif; fill: #333 }\n\
    .head { font-weight: bold }\n\
    .grid { stroke: #999; stroke-opacity: .35 }\n\
    .floor { fill: #8a8f98; stroke: #8a8f98 } .nsrun { fill: #2f7fd8; stroke: #2f7fd8 }\n\
    .crun { fill: #d9822b; stroke: #d9822b } .runc { fill: #3f9c58; stroke: #3f9c58 }\n\
    .youki { fill: #a05cc8; stroke: #a05cc8 } .host { fill: #c2a83e; stroke: #c2a83e }\n\
    polyline { fill: none !important; stroke-width: 2 }\n\
    @media (prefers-color-scheme: dark) { text { fill: #ddd } }\n</style>\n";

fn open(width: u32, height: u32) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\">\n{STYLE}"
    )
}

/// A panel of bars for each command, milliseconds of each runtime at the median, on version 2.
pub fn bars(tables: &[Table]) -> String {
    const WIDTH: u32 = 380;
    const LINE: u32 = 18;
    let panels: Vec<(&str, &Table)> = PANELS
        .iter()
        .filter_map(|(key, title)| {
            let found = tables.iter().find(|t| t.key == *key && t.layout == Layout::V2)?;
            Some((*title, found))
        })
        .collect();
    let tall = (SHOWN.len() as u32 + 2) * LINE;
    let mut text = open(2 * WIDTH, (panels.len() as u32).div_ceil(2) * tall + LINE);
    for (number, (title, table)) in (0..).zip(&panels) {
        let (x, mut y) = (number % 2 * WIDTH + 10, number / 2 * tall + LINE);
        let _ = writeln!(text, "<text class=\"head\" x=\"{x}\" y=\"{y}\">{title}, ms</text>");
        let rows: Vec<(&str, f64)> =
            SHOWN.iter().filter_map(|name| Some((*name, table.cell(name, 0)?))).collect();
        let most = rows.iter().map(|(_, ms)| *ms).fold(0.0, f64::max);
        for (name, ms) in rows {
            y += LINE;
            let long = ms / most * f64::from(WIDTH - 150);
            let _ = writeln!(
                text,
                "<text x=\"{x}\" y=\"{y}\">{name}</text>\
                 <rect class=\"{name}\" x=\"{}\" y=\"{}\" width=\"{long:.1}\" height=\"12\"/>\
                 <text x=\"{:.1}\" y=\"{y}\">{ms:.2}</text>",
                x + 50,
                y - 10,
                f64::from(x + 56) + long
            );
        }
    }
    text + "</svg>\n"
}

/// A panel for each table whose columns are sizes: milliseconds over size, both logarithmic.
pub fn lines(tables: &[Table]) -> String {
    const WIDTH: u32 = 400;
    const TALL: u32 = 260;
    let mut text = open(2 * WIDTH, (tables.len() as u32).div_ceil(2) * TALL);
    for (number, table) in (0..).zip(tables) {
        let panel = Panel {
            x: f64::from(number % 2 * WIDTH + 50),
            y: f64::from(number / 2 * TALL + 30),
            wide: f64::from(WIDTH - 130),
            tall: f64::from(TALL - 70),
        };
        panel.draw(&mut text, table);
    }
    text + "</svg>\n"
}

/// Where a line chart is.
struct Panel {
    x: f64,
    y: f64,
    wide: f64,
    tall: f64,
}

impl Panel {
    fn draw(&self, text: &mut String, table: &Table) {
        let all = table.rows.iter().filter_map(|row| row.cells.as_ref().ok()).flatten().flatten();
        let (low, high) = all.fold((f64::MAX, 0.1), |(l, h), v| (f64::min(l, *v), f64::max(h, *v)));
        if low > high {
            return;
        }
        let (low, high) =
            (low.max(0.01).log10().floor(), high.log10().ceil().max(low.log10().floor() + 1.0));
        let up = |ms: f64| self.y + self.tall * (1.0 - (ms.max(0.01).log10() - low) / (high - low));
        let across = |column: usize| {
            self.x + self.wide * column as f64 / (table.columns.len() - 1).max(1) as f64
        };
        let _ = writeln!(
            text,
            "<text class=\"head\" x=\"{}\" y=\"{}\">{}</text>",
            self.x - 40.0,
            self.y - 12.0,
            table.title
        );
        for power in low as i32..=high as i32 {
            let (value, y) = (10f64.powi(power), up(10f64.powi(power)));
            let _ = writeln!(
                text,
                "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
                self.x,
                self.x + self.wide,
                self.x - 6.0,
                y + 4.0
            );
        }
        for (number, column) in table.columns.iter().enumerate() {
            let _ = writeln!(
                text,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{column}</text>",
                across(number),
                self.y + self.tall + 16.0
            );
        }
        let mut labels: Vec<(f64, &str)> = Vec::new();
        for row in &table.rows {
            let Ok(cells) = &row.cells else { continue };
            let points: Vec<(f64, f64)> = cells
                .iter()
                .enumerate()
                .filter_map(|(number, cell)| Some((across(number), up((*cell)?))))
                .collect();
            let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let class = row.name.split([' ', '(']).find(|word| !word.is_empty()).unwrap_or("");
            let _ = writeln!(text, "<polyline class=\"{class}\" points=\"{}\"/>", path.join(" "));
            labels.extend(points.last().map(|(_, y)| (*y, row.name.as_str())));
        }
        // Names stand at the ends of the lines, apart from each other.
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut free = f64::MIN;
        for (y, name) in labels {
            let y = (y + 4.0).max(free);
            free = y + 13.0;
            let _ = writeln!(
                text,
                "<text x=\"{}\" y=\"{y:.1}\">{name}</text>",
                self.x + self.wide + 6.0
            );
        }
    }
}
