//! What containers use, for a scraper: <https://openmetrics.io>, version 1.0.0.
//!
//! A figure that the kernel does not keep has no sample. docs/statistics.md lists the metrics.

use std::fmt::Write;

use cgroups::{BlkioEntry, MemoryData, Stall};
use libcontainer::{InterfaceStats, Stats, Status};

use super::One;

/// The text of all metrics.
pub fn text(all: &[One]) -> String {
    let mut out = Exposition { all, text: String::new() };
    out.status();
    out.processor();
    out.memory();
    out.devices();
    out.processes();
    out.huge_pages();
    out.pressure();
    out.network();
    out.text + "# EOF\n"
}

struct Exposition<'a> {
    all: &'a [One],
    text: String,
}

/// What takes the samples of one container in one family: labels besides the id, and the value.
type Sampler<'a> = &'a mut dyn FnMut(&[(&str, &str)], Value);

#[derive(Clone, Copy)]
enum Value {
    Number(u64),
    Nanoseconds(u64),
    Microseconds(u64),
    Limit(u64),
}
use Value::{Limit, Microseconds, Nanoseconds, Number};

/// How one figure is taken out of others.
type Of<From, Figure> = fn(&From) -> Figure;
type Entries = fn(&cgroups::BlkioStats) -> &[BlkioEntry];

impl Exposition<'_> {
    /// A metric family, left out where no container has it. `unit` is a part of its name.
    fn family(
        &mut self,
        (name, kind, unit): (&str, &str, &str),
        help: &str,
        samples: &dyn Fn(&Stats, Sampler<'_>),
    ) {
        let separator = if unit.is_empty() { "" } else { "_" };
        let name = format!("nsinit_container_{name}{separator}{unit}");
        let suffix = if kind == "counter" { "_total" } else { "" };
        let mut lines = String::new();
        for (id, _, stats) in self.all {
            let Some(stats) = stats else { continue };
            samples(stats, &mut |labels, value| {
                let labels = labels_of(id, labels);
                let _ = writeln!(lines, "{name}{suffix}{{{labels}}} {}", shown(value));
            });
        }
        if lines.is_empty() {
            return;
        }
        let _ = writeln!(self.text, "# TYPE {name} {kind}");
        if !unit.is_empty() {
            let _ = writeln!(self.text, "# UNIT {name} {unit}");
        }
        let _ = write!(self.text, "# HELP {name} {help}\n{lines}");
    }

    /// The same with a sample or none for each container.
    fn one(
        &mut self,
        family: (&str, &str, &str),
        help: &str,
        value: &dyn Fn(&cgroups::Stats) -> Option<Value>,
    ) {
        self.family(family, help, &|stats, sample| {
            if let Some(value) = stats.cgroup.as_ref().and_then(value) {
                sample(&[], value);
            }
        });
    }

    /// Of stopped containers too.
    fn status(&mut self) {
        let all =
            [Status::Creating, Status::Created, Status::Running, Status::Paused, Status::Stopped];
        let name = "nsinit_container_status";
        let _ = writeln!(self.text, "# TYPE {name} stateset");
        let _ = writeln!(self.text, "# HELP {name} What the container is doing.");
        for (id, status, _) in self.all {
            for one in all {
                let labels = labels_of(id, &[(name, one.name())]);
                let _ = writeln!(self.text, "{name}{{{labels}}} {}", u8::from(one == *status));
            }
        }
    }

    fn processor(&mut self) {
        let family = ("cpu_usage", "counter", "seconds");
        self.one(family, "Processor time used.", &|it| {
            it.cpu_stats.cpu_usage.total_usage.map(Nanoseconds)
        });
        let family = ("cpu_user", "counter", "seconds");
        self.one(family, "Processor time used in user space.", &|it| {
            it.cpu_stats.cpu_usage.usage_in_usermode.map(Nanoseconds)
        });
        let family = ("cpu_system", "counter", "seconds");
        self.one(family, "Processor time used in the kernel.", &|it| {
            it.cpu_stats.cpu_usage.usage_in_kernelmode.map(Nanoseconds)
        });
        let family = ("cpu_periods", "counter", "");
        self.one(family, "Periods of the quota in which the container wanted to run.", &|it| {
            it.cpu_stats.throttling_data.periods.map(Number)
        });
        let family = ("cpu_throttled_periods", "counter", "");
        self.one(family, "Periods in which the quota was used up.", &|it| {
            it.cpu_stats.throttling_data.throttled_periods.map(Number)
        });
        let family = ("cpu_throttled", "counter", "seconds");
        self.one(family, "Time held back by the quota.", &|it| {
            it.cpu_stats.throttling_data.throttled_time.map(Nanoseconds)
        });
        let family = ("cpu_burst_periods", "counter", "");
        self.one(family, "Periods in which more than the quota was used.", &|it| {
            it.cpu_stats.burst_data.bursts_periods.map(Number)
        });
        let family = ("cpu_burst", "counter", "seconds");
        self.one(family, "Time used beyond the quota.", &|it| {
            it.cpu_stats.burst_data.burst_time.map(Nanoseconds)
        });
    }

    fn memory(&mut self) {
        let kinds: [(&str, &str, Of<cgroups::MemoryStats, MemoryData>); 4] = [
            ("memory", "Memory", |memory| memory.usage),
            ("memory_and_swap", "Memory and swap together", |memory| memory.swap_usage),
            ("swap", "Swap", |memory| memory.swap_only_usage),
            ("kernel_memory", "Memory held by the kernel", |memory| memory.kernel_usage),
        ];
        for (name, what, of) in kinds {
            let gauge = |part: &str| format!("{name}_{part}");
            let help = format!("{what} in use.");
            self.one((&gauge("usage"), "gauge", "bytes"), &help, &|it| {
                of(&it.memory_stats).usage.map(Number)
            });
            let help = format!("{what}: the most there ever was.");
            self.one((&gauge("peak"), "gauge", "bytes"), &help, &|it| {
                of(&it.memory_stats).max_usage.map(Number)
            });
            let help = format!("{what}: the limit.");
            self.one((&gauge("limit"), "gauge", "bytes"), &help, &|it| {
                of(&it.memory_stats).limit.map(Limit)
            });
            let help = format!("{what}: how often the limit was met.");
            self.one((&gauge("limit_hits"), "counter", ""), &help, &|it| {
                of(&it.memory_stats).failcnt.map(Number)
            });
        }
        let family = ("memory_cache", "gauge", "bytes");
        self.one(family, "Memory that caches files.", &|it| it.memory_stats.cache.map(Number));
        let family = ("memory_events", "counter", "");
        self.family(family, "How often what happened to memory.", &|stats, sample| {
            for (event, count) in stats.cgroup.iter().flat_map(|it| &it.memory_events) {
                // A state of version 1, and no counter.
                if event != "under_oom" {
                    sample(&[("event", event)], Number(*count));
                }
            }
        });
    }

    fn devices(&mut self) {
        let kinds: [(_, _, _, Entries); 2] = [
            ("io", "bytes", "Bytes transferred by block devices.", |blkio| {
                &blkio.io_service_bytes_recursive
            }),
            ("io", "operations", "Operations of block devices.", |blkio| {
                &blkio.io_serviced_recursive
            }),
        ];
        for (name, unit, help, of) in kinds {
            self.family((name, "counter", unit), help, &|stats, sample| {
                for entry in stats.cgroup.iter().flat_map(|it| of(&it.blkio_stats)) {
                    // The others are sums of these, cut another way.
                    if ["Read", "Write", "Discard"].contains(&entry.op.as_str()) {
                        let device = format!("{}:{}", entry.major, entry.minor);
                        let operation = entry.op.to_lowercase();
                        let labels = [("device", &*device), ("operation", &*operation)];
                        sample(&labels, Number(entry.value));
                    }
                }
            });
        }
    }

    fn processes(&mut self) {
        let family = ("processes", "gauge", "");
        self.one(family, "Processes and threads.", &|it| it.pids.current.map(Number));
        let family = ("processes_limit", "gauge", "");
        self.one(family, "Processes and threads: the limit.", &|it| {
            it.pids.current.map(|_| Limit(it.pids.limit.unwrap_or(u64::MAX)))
        });
        let family = ("processes_peak", "gauge", "");
        self.one(family, "Processes and threads: the most there ever were.", &|it| {
            it.pids.peak.map(Number)
        });
        let family = ("processes_refused", "counter", "");
        self.one(family, "How often one could not be made for the limit.", &|it| {
            it.pids.events.get("max").copied().map(Number)
        });
    }

    fn huge_pages(&mut self) {
        let kinds: [(_, _, Of<cgroups::HugetlbStats, Option<Value>>); 3] = [
            ("hugetlb_usage", "Huge pages in use.", |it| it.usage.map(Number)),
            ("hugetlb_reserved", "Huge pages reserved.", |it| it.rsvd.usage.map(Number)),
            ("hugetlb_limit", "Huge pages: the limit.", |it| it.limit.map(Limit)),
        ];
        for (name, help, of) in kinds {
            self.family((name, "gauge", "bytes"), help, &|stats, sample| {
                for (size, pages) in stats.cgroup.iter().flat_map(|it| &it.hugetlb_stats) {
                    if let Some(value) = of(pages) {
                        sample(&[("page_size", size)], value);
                    }
                }
            });
        }
    }

    fn pressure(&mut self) {
        let help = "Time in which some or all processes waited for a resource.";
        self.family(("pressure", "counter", "seconds"), help, &|stats, sample| {
            let Some(psi) = stats.cgroup.as_ref().map(|it| it.psi) else { return };
            for (resource, psi) in [("cpu", psi.cpu), ("io", psi.io), ("memory", psi.memory)] {
                let mut tell = |waiting: &str, stall: Option<Stall>| {
                    if let Some(stall) = stall {
                        let labels = [("resource", resource), ("waiting", waiting)];
                        sample(&labels, Microseconds(stall.total));
                    }
                };
                let psi = psi.unwrap_or_default();
                tell("some", psi.some);
                tell("all", psi.full);
            }
        });
    }

    fn network(&mut self) {
        let kinds: [(_, _, _, Of<InterfaceStats, u64>); 8] = [
            ("network_receive", "bytes", "Bytes received.", |it| it.rx_bytes),
            ("network_receive", "packets", "Packets received.", |it| it.rx_packets),
            ("network_receive", "errors", "Packets received damaged.", |it| it.rx_errors),
            ("network_receive", "drops", "Packets received and dropped.", |it| it.rx_dropped),
            ("network_transmit", "bytes", "Bytes sent.", |it| it.tx_bytes),
            ("network_transmit", "packets", "Packets sent.", |it| it.tx_packets),
            ("network_transmit", "errors", "Packets that could not be sent.", |it| it.tx_errors),
            ("network_transmit", "drops", "Packets dropped before they were sent.", |it| {
                it.tx_dropped
            }),
        ];
        for (name, unit, help, of) in kinds {
            self.family((name, "counter", unit), help, &|stats, sample| {
                for interface in &stats.interfaces {
                    sample(&[("interface", &interface.name)], Number(of(interface)));
                }
            });
        }
    }
}

fn labels_of(id: &str, further: &[(&str, &str)]) -> String {
    let mut text = format!("id=\"{}\"", escaped(id));
    for (name, value) in further {
        let _ = write!(text, ",{name}=\"{}\"", escaped(value));
    }
    text
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn shown(value: Value) -> String {
    match value {
        Number(value) => value.to_string(),
        Nanoseconds(time) => decimal(time, 1_000_000_000),
        Microseconds(time) => decimal(time, 1_000_000),
        Limit(limit) if limit >= super::NO_LIMIT => "+Inf".to_owned(),
        Limit(limit) => limit.to_string(),
    }
}

/// A fraction in full; no floating-point number has so many digits.
fn decimal(value: u64, divisor: u64) -> String {
    let places = divisor.ilog10() as usize;
    let text = format!("{}.{:0places$}", value / divisor, value % divisor);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
