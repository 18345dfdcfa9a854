//! Driver kit: settings, registry, memory driver and conformance suite.
