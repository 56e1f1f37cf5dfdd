//! Real clients as witnesses.
