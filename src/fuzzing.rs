//! One function per fuzz target, each with the property it states.
