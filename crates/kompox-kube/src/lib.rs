//! Kubernetes adapter: connect, apply, prune, wait, exec, logs, forward.
