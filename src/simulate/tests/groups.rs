//! What holds for a conference as a whole (G-).

use super::super::{Nanos, SECOND, Watch, random::Split};
use crate::conference::Profile;

/// A number, as an environment variable says or as it is without.
fn wanted(variable: &str, otherwise: u64) -> u64 {
    let wanted = std::env::var(variable).ok();
    wanted.map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{variable}: {text}")))
}

/// G-001, G-002, G-004, G-007. `TOXSCOPE_WORLDS` are made in each profile, or a few, with at most
/// `TOXSCOPE_MEMBERS`; the first has the seed `TOXSCOPE_SEED`. `TOXSCOPE_PROFILES` names other profiles.
#[test]
fn random_worlds_heal_after_a_split() {
    let first = wanted("TOXSCOPE_SEED", 0);
    let worlds = wanted("TOXSCOPE_WORLDS", 8);
    let most = usize::try_from(wanted("TOXSCOPE_MEMBERS", 12)).unwrap();
    let profiles = std::env::var("TOXSCOPE_PROFILES");
    let profiles = profiles.unwrap_or_else(|_| "seed hardened ctoxcore".to_owned());
    let mut unhealed = Vec::new();
    for name in profiles.split_whitespace() {
        let profile: Profile = name.parse().unwrap();
        let (mut simulated, mut members, mut slowest): (Nanos, Nanos, Nanos) = (0, 0, 0);
        let mut slow = 0;
        for seed in first..first + worlds {
            match (Split { seed, profile: profile.clone(), most }).run(Watch::swiftly()) {
                Ok(healed) => {
                    simulated += healed.simulated;
                    members += healed.simulated * Nanos::try_from(healed.members).unwrap();
                    slowest = slowest.max(healed.took);
                    slow += u32::from(healed.took > 120 * SECOND);
                }
                Err(why) => unhealed.push(format!(
                    "{why}: TOXSCOPE_SEED={seed} TOXSCOPE_WORLDS=1 TOXSCOPE_MEMBERS={most} \
                     TOXSCOPE_PROFILES={name}"
                )),
            }
        }
        let [simulated, members] = [simulated, members].map(|it| it / (3600 * SECOND));
        println!(
            "{name}: {worlds} worlds, {simulated} conference-hours, {members} member-hours; {slow} took \
             longer than 120 s to agree, the slowest {} s",
            slowest / SECOND
        );
    }
    assert!(unhealed.is_empty(), "{unhealed:#?}");
}
