//! Requests, answers and records of kompox-node.
