//! Test doubles: fakes, scripted API server, golden runner.
