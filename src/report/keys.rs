//! What a key log holds, without its secrets.

use std::io::{self, Write};

use serde::Serialize;

use super::SCHEMA;
use super::table::{numbers, table, trimmed};
use super::visible::to_line;
use crate::crypto::{Inventory, Owner};
use crate::printable::printable;
use crate::wire::PublicKey;

/// Writes counts, public keys and names as tables.
///
/// # Errors
///
/// Those of `out`.
pub fn keys_table(inventory: &Inventory, out: &mut dyn Write) -> io::Result<()> {
    let mut counts = numbers("key log");
    for (label, count) in &inventory.lines {
        counts.add(&format!("{label} lines"), *count);
    }
    counts.add_some("lines with an unknown label", inventory.tally.unknown);
    counts.add_some("damaged lines", inventory.tally.damaged);
    counts.add("precomputed keys", inventory.keys() as u64);
    counts.add_some("lines whose public key found no room", inventory.left_out);
    writeln!(out, "{counts}")?;
    if inventory.owners.is_empty() {
        return Ok(());
    }
    let mut owners = table(&["public key", "keys", "secret", "name"]);
    for (public, Owner { shared, pair, name }) in sorted(inventory) {
        let name = name.as_deref().map(|name| printable(name).quoted().cut(60).to_string());
        owners.add_row([
            public.to_string(),
            shared.to_string(),
            pair.unwrap_or_default().to_owned(),
            name.unwrap_or_default(),
        ]);
    }
    writeln!(out, "\n{}", trimmed(&owners))
}

/// Those with secret keys first, then those with most keys.
fn sorted(inventory: &Inventory) -> Vec<(&PublicKey, &Owner)> {
    let mut owners: Vec<_> = inventory.owners.iter().collect();
    owners.sort_by_key(|(_, owner)| (owner.pair.is_none(), std::cmp::Reverse(owner.shared)));
    owners
}

#[derive(Serialize)]
struct Keys<'a> {
    schema: u64,
    lines: std::collections::BTreeMap<&'static str, u64>,
    unknown: u64,
    damaged: u64,
    keys: usize,
    owners: Vec<OwnerRow<'a>>,
}

#[derive(Serialize)]
struct OwnerRow<'a> {
    public_key: String,
    keys: u64,
    secret: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
}

/// Writes the same as a JSON object.
///
/// # Errors
///
/// Those of `out`.
pub fn keys_json(inventory: &Inventory, out: &mut dyn Write) -> io::Result<()> {
    let owners = inventory.owners.iter().map(|(public, owner)| {
        let bytes = owner.name.as_deref();
        let name = bytes.and_then(|name| str::from_utf8(name).ok());
        let name_hex =
            bytes.filter(|_| name.is_none()).map(|bytes| crate::wire::Hex(bytes).to_string());
        OwnerRow {
            public_key: public.to_string(),
            keys: owner.shared,
            secret: owner.pair,
            name,
            name_hex,
        }
    });
    let keys = Keys {
        schema: SCHEMA,
        lines: inventory.lines.clone(),
        unknown: inventory.tally.unknown,
        damaged: inventory.tally.damaged,
        keys: inventory.keys(),
        owners: owners.collect(),
    };
    to_line(&keys, out)
}
