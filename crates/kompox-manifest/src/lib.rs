//! kompoxops.yml and KOM documents to the model.
