//! The stories.

use std::time::Duration;

use anyhow::Result;

use crate::world::World;

/// A story that can be recorded.
pub struct Scenario {
    /// Its name and that of its files.
    pub name: &'static str,
    /// What happens, in one sentence.
    pub about: &'static str,
    /// Over IPv6.
    pub ipv6: bool,
    /// The script.
    pub play: fn(&mut World) -> Result<()>,
}

/// All stories.
pub const ALL: &[Scenario] = &[Scenario {
    name: "talk",
    about: "three members talk, rename themselves and the conference, and one leaves",
    ipv6: false,
    play: talk,
}];

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Time within which friends find each other and members join.
const SOON: Duration = secs(60);

fn talk(world: &mut World) -> Result<()> {
    world.record()?;
    let [ann, bob, cas] = world.start(["ann", "bob", "cas"])?;
    world.acquaint(&[(ann, bob), (bob, cas)])?;
    world.wait_friends(SOON)?;
    let room = world.found(ann, false)?;
    world.invite(ann, bob, room)?;
    world.wait_members(room, &[ann, bob], SOON)?;
    world.set_title(ann, room, "tea")?;
    world.invite(bob, cas, room)?;
    world.wait_members(room, &[ann, bob, cas], SOON)?;
    world.wait(secs(2))?;
    world.say(ann, room, "hi, cas")?;
    world.wait_heard(room, "hi, cas", &[ann, bob, cas], SOON)?;
    world.leave(bob, room)?;
    world.wait_members(room, &[ann, cas], SOON)?;
    Ok(())
}
