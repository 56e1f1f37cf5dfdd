//! Less than root, before the first byte of a stranger is looked at (threat 15).

use std::fs;
use std::thread;

use anyhow::{Context as _, anyhow, bail, ensure};
use rustix::process::{Gid, Uid, getegid, geteuid, getgid, getgroups, getuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, no_new_privs,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};

use crate::report::printable;

/// Whoever has nothing, where the system does not say otherwise.
const NOBODY: u32 = 65_534;

/// Who the program is going to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct User {
    pub(in crate::cli) name: String,
    pub(in crate::cli) uid: u32,
    pub(in crate::cli) gid: u32,
    pub(in crate::cli) home: String,
}

/// Whether there is anything to drop to somebody.
pub(in crate::cli) fn is_root() -> bool {
    geteuid().is_root() || getuid().is_root()
}

impl User {
    /// Whom `--user` names; else who called `sudo`; else `nobody`, if that will do. `None` for who is not
    /// root: it stays who it is.
    pub(in crate::cli) fn choose(
        named: Option<&str>,
        or_nobody: bool,
    ) -> anyhow::Result<Option<Self>> {
        if !is_root() {
            ensure!(named.is_none(), "only root can become another user: leave --user out");
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let user = match named {
            Some(named) => Self::named(named, &passwd)?,
            None => {
                let number = |name| std::env::var(name).ok()?.parse::<u32>().ok();
                match (number("SUDO_UID"), number("SUDO_GID")) {
                    (Some(uid), Some(gid)) if uid != 0 => {
                        let known = Self::all(&passwd).find(|user| user.uid == uid);
                        let found = known.unwrap_or_else(|| Self::unknown(uid));
                        Self { gid, ..found }
                    }
                    _ if or_nobody => Self::named("nobody", &passwd)
                        .unwrap_or(Self { name: "nobody".to_owned(), ..Self::unknown(NOBODY) }),
                    _ => bail!(
                        "name with --user whom the program is to run as; as root it is not run"
                    ),
                }
            }
        };
        ensure!(
            user.uid != 0 && user.gid != 0,
            "--user has to be somebody with less rights than root"
        );
        Ok(Some(user))
    }

    /// A name, a number, or numbers of user and group with a colon between them.
    fn named(named: &str, passwd: &str) -> anyhow::Result<Self> {
        let (user, group) = match named.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (named, None),
        };
        let unknown = || anyhow!("there is no user {}", printable(named).quoted().cut(60));
        let known = Self::all(passwd).find(|known| known.name == user);
        let numbered = || {
            user.parse::<u32>()
                .ok()
                .and_then(|uid| Self::all(passwd).find(|known| known.uid == uid))
        };
        let mut found = match (known.or_else(numbered), user.parse::<u32>()) {
            (Some(found), _) => found,
            (None, Ok(uid)) => Self::unknown(uid),
            (None, Err(_)) => return Err(unknown()),
        };
        if let Some(group) = group {
            found.gid = group.parse().map_err(|_| unknown())?;
        }
        Ok(found)
    }

    fn all(passwd: &str) -> impl Iterator<Item = Self> {
        passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            let home = fields.nth(1).filter(|home| !home.is_empty()).unwrap_or("/").to_owned();
            Some(Self { name, uid, gid, home })
        })
    }

    /// Somebody whom the system has no name for.
    fn unknown(uid: u32) -> Self {
        Self { name: uid.to_string(), uid, gid: uid, home: "/".to_owned() }
    }

    /// The groups that the user is in.
    fn groups(&self) -> Vec<Gid> {
        let table = fs::read_to_string("/etc/group").unwrap_or_default();
        self.groups_of(&table)
    }

    fn groups_of(&self, table: &str) -> Vec<Gid> {
        let others = table.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let gid = fields.nth(2)?.parse().ok()?;
            let is_member = fields.next()?.split(',').any(|member| member == self.name);
            is_member.then(|| Gid::from_raw(gid))
        });
        std::iter::once(Gid::from_raw(self.gid)).chain(others).collect()
    }
}

/// Whose files this process makes.
pub(in crate::cli) fn user() -> u32 {
    geteuid().as_raw()
}

/// Does something with the rights of `user`, as after a login: what it starts has them, too.
pub(in crate::cli) fn with_rights_of<T: Send>(
    user: Option<&User>,
    act: impl FnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    let Some(user) = user else { return act() };
    // Rights are a thread's, and its children's.
    let done = thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
            set_thread_groups(&user.groups()).context("take groups")?;
            set_thread_res_gid(gid, gid, gid).context("change the group")?;
            set_thread_res_uid(uid, uid, uid).context("change the user")?;
            act()
        });
        thread.join()
    });
    done.map_err(|_| anyhow!("a thread has died"))?
}

/// Gives up every right that opening a device took, for ever: groups, group, user, all capabilities, and
/// the way back by set-uid programs. To be called while there is one thread.
///
/// # Errors
///
/// When any of it fails, or did not take effect: the program must not go on then.
pub(in crate::cli) fn drop_to(user: Option<&User>) -> anyhow::Result<()> {
    let cannot = "cannot give up privileges, and will not look at packets with them";
    give_up(user).context(cannot)?;
    check(user).context(cannot)
}

fn give_up(user: Option<&User>) -> anyhow::Result<()> {
    for capability in CapabilitySet::all().iter() {
        // What this kernel does not know, or may not be removed by us, is looked at below.
        let _ = remove_capability_from_bounding_set(capability);
    }
    let _ = clear_ambient_capability_set();
    if let Some(user) = user {
        let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
        set_thread_groups(&[]).context("leave groups")?;
        set_thread_res_gid(gid, gid, gid).context("change the group")?;
        set_thread_res_uid(uid, uid, uid).context("change the user")?;
    }
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, none).context("give up capabilities")?;
    set_no_new_privs(true).context("set no_new_privs")
}

fn check(user: Option<&User>) -> anyhow::Result<()> {
    let left = capabilities(None).context("read capabilities")?;
    ensure!(
        left.effective.is_empty() && left.permitted.is_empty() && left.inheritable.is_empty(),
        "capabilities are left"
    );
    ensure!(no_new_privs()?, "no_new_privs is not set");
    ensure!(!is_root(), "the user is still root");
    if let Some(user) = user {
        let is = [getuid().as_raw(), geteuid().as_raw(), getgid().as_raw(), getegid().as_raw()];
        ensure!(is == [user.uid, user.uid, user.gid, user.gid], "the user is another one");
        ensure!(getgroups()?.is_empty(), "groups are left");
        if set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).is_ok() {
            bail!("there is a way back to root");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:100::/home/ann:/bin/sh\nbad\n";

    #[test]
    fn users_go_by_name_or_number() {
        let user = |name: &str, uid, gid, home: &str| {
            let (name, home) = (name.to_owned(), home.to_owned());
            User { name, uid, gid, home }
        };
        for (named, expected) in [
            ("ann", user("ann", 1000, 100, "/home/ann")),
            ("1000", user("ann", 1000, 100, "/home/ann")),
            ("ann:7", user("ann", 1000, 7, "/home/ann")),
            ("4711", user("4711", 4711, 4711, "/")),
            ("4711:12", user("4711", 4711, 12, "/")),
        ] {
            assert_eq!(User::named(named, PASSWD).unwrap(), expected);
        }
        for bad in ["bob", "", "ann:x", "-1"] {
            assert!(User::named(bad, PASSWD).is_err(), "{bad}");
        }
        let ann = User::named("ann", PASSWD).unwrap();
        let groups = ann.groups_of("audio:x:29:bob,ann\nvideo:x:44:bob\nsudo:x:27:ann\n");
        assert_eq!(groups, [100, 29, 27].map(Gid::from_raw));
    }
}
