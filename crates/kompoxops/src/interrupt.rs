//! Ctrl-C, SIGTERM, and the end of the terminal. IO: listens to signals and may end the process.

use crate::exit::{Failure, INTERRUPTED};
use crate::progress::Screen;
use crate::terminal;
use kompox_model::port::Cancel;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// The first signal sets `cancel`, so that the running command stops at a good place and says what was done; the
/// second ends the process at once.
pub(crate) fn listen(runtime: &Runtime, cancel: &Cancel, screen: &Screen) -> Result<(), Failure> {
    let listen = |kind| {
        let _guard = runtime.enter();
        signal(kind).map_err(|source| Failure::System { action: "listen to signals", source })
    };
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    let mut quit = listen(SignalKind::quit())?;
    let (cancel, screen) = (cancel.clone(), screen.clone());
    runtime.spawn(async move {
        for count in 0.. {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
                _ = quit.recv() => {}
            }
            if count > 0 {
                screen.clear();
                terminal::restore();
                std::process::exit(i32::from(INTERRUPTED));
            }
            screen.note("stopping; once more to quit at once");
            cancel.cancel();
        }
    });
    Ok(())
}
