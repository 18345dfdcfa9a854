//! Nouns, identity, names, hashes and the ports of Kompox.
