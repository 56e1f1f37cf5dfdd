//! Save files (class F).

use super::finding::{Finding, Findings, Found, Held};
use super::rule::{Check, Rule};
use crate::conference::savedata::Savedata;
use crate::conference::{DamageKind, Section};

/// A save file, as rules see it.
pub struct SaveFile<'a> {
    /// The file.
    pub savedata: &'a Savedata<'a>,
    /// Its conferences.
    pub section: &'a Section<'a>,
}

impl SaveFile<'_> {
    /// Says what is damaged in a certain way.
    pub(super) fn damage(&self, found: &mut Found, is: impl Fn(&str, &DamageKind) -> bool) {
        for damage in &self.section.damage {
            if is(damage.field, &damage.kind) {
                found.say(damage.to_string(), &[]);
            }
        }
    }
}

/// Checks a save file by all rules of its class.
pub(super) fn check(
    rules: &[&'static Rule],
    file: u16,
    savedata: &Savedata<'_>,
    findings: &mut Findings,
) {
    let section = savedata.conferences();
    let save = SaveFile { savedata, section: &section };
    for rule in rules {
        let Check::Save(look) = &rule.check else { continue };
        let mut found = Found::default();
        look(&save, &mut found);
        for draft in found.drafts {
            let finding = Finding {
                rule,
                severity: rule.severity,
                spot: None,
                file,
                endpoint: None,
                conference: None,
                message: draft.message,
                evidence: draft.evidence,
            };
            findings.push(Held { finding, session: 0, missing_at: None });
        }
    }
}
