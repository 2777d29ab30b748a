//! Which message must come next, computed from the plan.

use crate::plan::InitPlan;
use crate::wire::FromInit;
use crate::{Error, ErrorKind, Result};

/// A message of the init's, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// [`FromInit::WantMaps`]
    WantMaps,
    /// [`FromInit::Born`]
    Born,
    /// [`FromInit::HooksDue`]
    HooksDue,
    /// [`FromInit::Terminal`]
    Terminal,
    /// [`FromInit::Built`]
    Built,
    /// [`FromInit::Executing`]
    Executing,
    /// [`FromInit::Listener`]
    Listener,
    /// The socket's end.
    End,
}

/// The init's messages in the order that a plan leads to.
#[derive(Debug)]
pub struct Sequence {
    expected: std::vec::IntoIter<Expected>,
}

impl Sequence {
    /// The order for this plan.
    pub fn of(plan: &InitPlan) -> Self {
        let mut expected = Vec::with_capacity(6);
        if plan.wants_maps() {
            expected.push(Expected::WantMaps);
        }
        expected.push(Expected::Born);
        if plan.wants_hooks() {
            expected.push(Expected::HooksDue);
        }
        if plan.process.terminal {
            expected.push(Expected::Terminal);
        }
        if plan.hold {
            // What comes then is told to whoever lets it go.
            expected.push(Expected::Built);
        } else {
            expected.extend(std::iter::repeat_n(Expected::Listener, plan.listeners_of_hooks()));
            expected.push(Expected::Executing);
            if plan.process.listener.is_some() {
                expected.push(Expected::Listener);
            }
        }
        expected.push(Expected::End);
        Self { expected: expected.into_iter() }
    }

    /// Whether the end of the socket is what is due.
    pub fn is_complete(&self) -> bool {
        self.expected.as_slice() == [Expected::End]
    }

    /// Whether nothing is due but the word that the program is executed, and the socket's end.
    pub fn is_at_last_word(&self) -> bool {
        self.expected.as_slice() == [Expected::Executing, Expected::End]
    }

    /// Takes a message, and fails where another one is due.
    pub fn take(&mut self, message: &FromInit) -> Result<()> {
        let came = match message {
            FromInit::WantMaps => Expected::WantMaps,
            FromInit::Born(_) => Expected::Born,
            FromInit::HooksDue => Expected::HooksDue,
            FromInit::Terminal => Expected::Terminal,
            FromInit::Built(_) => Expected::Built,
            FromInit::Executing(_) => Expected::Executing,
            FromInit::Listener => Expected::Listener,
            FromInit::Failed(error) => return Err(error.clone()),
            FromInit::Criu => {
                return Err(Error::new(ErrorKind::System, "the container's init became CRIU"));
            }
        };
        match self.expected.next() {
            Some(due) if due == came => Ok(()),
            due => Err(Error::new(
                ErrorKind::System,
                format!("the container's init said {came:?} where {due:?} was due"),
            )),
        }
    }
}

#[cfg(test)]
mod tests;
