//! `L-SAVE-ORDER`.

use super::*;

pub(super) static RULE: Rule = Rule {
    id: "L-SAVE-ORDER",
    severity: Severity::Warning,
    class: Class::Save,
    cites: "packets §12.1",
    says: "The conferences are saved behind friends and name, which loading them needs.",
    cause: "an implementation that writes sections in another order; friends may be forgotten as \
           members first",
    known: "",
    needs: &[],
    looks_at: ANY,
    check: Check::Save(check),
};

fn check(save: &SaveFile<'_>, found: &mut Found) {
    let place = |name: &str| save.savedata.sections.iter().position(|it| it.kind.name() == name);
    let Some(conferences) = place("conferences") else { return };
    for needed in ["friends", "name"] {
        if place(needed).is_some_and(|place| place > conferences) {
            found.say(format!("the conferences are saved before the section {needed}"), &[]);
        }
    }
}

#[cfg(test)]
pub(super) fn cases() -> Vec<Case> {
    vec![
        save_fires("two.cas.tox", |file| {
            // The section of the name moves to the end.
            let name = section(file, "name");
            let size = usize::from(file[name - 8]);
            let moved: Vec<_> = file.drain(name - 8..name + size).collect();
            let end = section(file, "conferences");
            let size = u32::from_le_bytes(file[end - 8..end - 4].try_into().unwrap());
            let end = end + usize::try_from(size).unwrap();
            file.splice(end..end, moved);
        }),
        save_silent("two.cas.tox", |file| file.push(0)),
    ]
}
