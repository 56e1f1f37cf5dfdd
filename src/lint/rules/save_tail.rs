//! `L-SAVE-TAIL`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-SAVE-TAIL",
    severity: Severity::Warning,
    class: Class::Save,
    cites: "packets §12.2",
    says: "Nothing follows the last record of the conferences.",
    cause: "something else was written into the section, or its end is a record that was cut",
    known: "",
    needs: &[],
    looks_at: ANY,
    check: Check::Save(check),
};

fn check(save: &SaveFile<'_>, found: &mut Found) {
    save.damage(found, |_, kind| matches!(kind, DamageKind::Trailing(_)));
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        save_fires("two.cas.tox", |file| {
            // One byte more in the section.
            let section = saved(file);
            let size = u32::from_le_bytes(file[section - 8..section - 4].try_into().unwrap());
            file[section - 8..section - 4].copy_from_slice(&(size + 1).to_le_bytes());
            file.insert(section + usize::try_from(size).unwrap(), 0);
        }),
        save_silent("two.cas.tox", |file| file.push(0)),
    ]
}
