//! Real local Kubernetes clusters for tests and the demo.
