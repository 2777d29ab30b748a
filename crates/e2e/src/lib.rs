//! (to come)
#![forbid(unsafe_code)]
