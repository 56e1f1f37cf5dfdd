//! Tests of the whole room, by concern; every one says which rules it holds.

mod activity;
mod closest;
mod frozen;
mod golden;
mod growth;
mod joining;
mod leaving;
mod legacy;
mod lossy;
mod membership;
mod messages;
mod names;
mod online;
mod properties;
mod queries;
mod rejoin;
mod room;
mod saving;
mod slots;
mod states;
mod steps;
mod tap;
mod titles;
mod traces;
mod violations;
