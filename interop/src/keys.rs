//! Key logs for recordings without onion packets.

use std::collections::BTreeSet;

/// Leaves out the lines that open onion packets only.
///
/// Each hop of an onion path has a key pair of its own, used with the DHT or real key of somebody:
/// two thirds of a log. Everything else is between two lasting keys (`identities`, in
/// hexadecimal) or, in a session, between two keys that are none.
#[must_use]
pub fn without_onion(log: &str, identities: &BTreeSet<String>) -> String {
    let mut kept = BTreeSet::new();
    for line in log.lines() {
        if let ["SHARED", ours, theirs, shared] = words(line)[..]
            && identities.contains(ours) == identities.contains(theirs)
        {
            kept.insert(shared);
        }
    }
    let mut out = String::new();
    for line in log.lines() {
        let keep = match words(line)[..] {
            ["SHARED", _, _, shared] | ["NONCE", shared, _] => kept.contains(shared),
            _ => true,
        };
        if keep {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

fn words(line: &str) -> Vec<&str> {
    line.split_ascii_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_between_a_lasting_key_and_another_one_are_left_out_with_their_nonces() {
        let log = "# tox-keylog 1\nSHARED a b k1\nNONCE k1 n\nSHARED a t k2\nNONCE k2 n\n\
                   SHARED t u k3\nNONCE k3 n\nNONCE k4 n\n";
        let identities = ["a", "b"].map(String::from).into();
        assert_eq!(
            without_onion(log, &identities),
            "# tox-keylog 1\nSHARED a b k1\nNONCE k1 n\nSHARED t u k3\nNONCE k3 n\n"
        );
    }
}
