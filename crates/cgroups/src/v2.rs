//! Control files of version 2, a controller each (Documentation/admin-guide/cgroup-v2.rst).

pub(crate) mod controllers;
pub(crate) mod cpu;
pub(crate) mod hugetlb;
pub(crate) mod io;
pub(crate) mod memory;
mod vacate;
