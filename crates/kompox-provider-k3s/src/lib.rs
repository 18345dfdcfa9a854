//! Driver for clusters whose nodes keep their disks.
