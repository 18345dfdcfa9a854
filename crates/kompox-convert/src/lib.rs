//! App and compose project to Kubernetes objects.
