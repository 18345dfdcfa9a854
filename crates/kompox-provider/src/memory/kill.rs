//! The end of the caller at a chosen moment: from then on nothing is answered, as after `kill -9`. No IO.

use std::sync::Arc;
use tokio::sync::watch;

/// Counts the moments between and around writes at which a caller can die.
#[derive(Debug, Default)]
pub(super) struct Kill {
    passed: usize,
    at: Option<usize>,
    died: Arc<watch::Sender<bool>>,
}

impl Kill {
    /// One more moment. True when it is the last one.
    pub(super) fn passes(&mut self) -> bool {
        self.passed += 1;
        if self.at == Some(self.passed) {
            self.died.send_replace(true);
        }
        *self.died.borrow()
    }

    pub(super) fn begin(&mut self, at: Option<usize>) {
        self.passed = 0;
        self.at = at;
        self.died.send_replace(false);
    }

    pub(super) fn passed(&self) -> usize {
        self.passed
    }

    pub(super) fn is_dead(&self) -> bool {
        *self.died.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<bool> {
        self.died.subscribe()
    }
}
