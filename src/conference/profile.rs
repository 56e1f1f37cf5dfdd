//! Profiles: what the rules read where the sources disagree (divergences §0).

use std::fmt;
use std::str::FromStr;

use super::closest::Prefix;

/// A release of c-toxcore, by its last number: `Release(10)` is 0.2.10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release(pub u8);

impl Release {
    /// The newest development version examined.
    pub const HEAD: Self = Self(u8::MAX);
    /// The newest release that deletes silent peers and does not know Rejoin.
    pub const LAST_LEGACY: Self = Self(7);
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::HEAD { f.write_str("HEAD") } else { write!(f, "0.2.{}", self.0) }
    }
}

/// Whose law is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Law {
    Seed,
    Spec,
    Ctoxcore(Release),
    Hardened,
}

/// To whom a message goes back (D-034).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayBack {
    /// Never to the connection it came from; own messages are reported when they are sent.
    Never,
    /// Only if it came from its author.
    ToAuthor,
    /// Always.
    Always,
}

/// Whether a connection that goes online is pinged (D-012).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pings {
    /// Every time.
    Always,
    /// If the last ping is 20 s old.
    IfDue,
    /// Not at all.
    Never,
}

/// How repeated message numbers are told (D-030, R-241).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Duplicates {
    /// The eight largest numbers, compared modulo 2^32.
    Wrapping,
    /// The eight largest numbers, compared as they are.
    Plain,
    /// The last number; the next must be 1 to 64 ahead.
    Ahead64,
}

/// What the rules read where the sources disagree.
///
/// Every field names the entries of `docs/divergences.md` it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    pub(super) law: Law,
    /// D-010: answer an invitation to a conference we are in with 0x60/2.
    pub sends_member: bool,
    /// D-010: understand 0x60/2.
    pub understands_member: bool,
    /// D-011: whoever sends a Rejoin as the connection comes up sends an Online behind it.
    pub online_after_rejoin: bool,
    /// D-012.
    pub ping_on_online: Pings,
    /// D-020: freeze everybody when the last online slot goes down with its connection.
    pub freezes_when_disconnected: bool,
    /// D-021: drop the slot of a peer that freezes.
    pub drops_frozen_slots: bool,
    /// D-023: the frozen limit of a new conference; none is unlimited.
    pub frozen_limit: Option<u32>,
    /// D-024: the largest number of active peers; none is unlimited.
    pub peer_limit: Option<u32>,
    /// D-030.
    pub duplicates: Duplicates,
    /// D-034.
    pub relay_back: RelayBack,
    /// D-035: send and understand Freeze messages.
    pub freeze_messages: bool,
    /// D-036: send a Rejoin to a connected peer that freezes.
    pub rejoins_on_freezing: bool,
    /// D-037: send queries, responses and Introduced on online slots only.
    pub direct_when_online_only: bool,
    /// D-041.
    pub prefix: Prefix,
    /// D-045: send Online to online closest peers too, at every change.
    pub gratuitous_online: bool,
    /// D-046: keep two slots free.
    pub cleans_slots: bool,
    /// D-050: a Title Response overwrites a fresh title.
    pub title_response_always: bool,
    /// D-051: a title that the client sets is fresh.
    pub own_title_is_fresh: bool,
    /// D-052: freshness ends at the moment the last other peer is gone, not in the next pass.
    pub freshness_at_once: bool,
    /// D-053: receiving the present title again makes it fresh.
    pub equal_title_is_fresh: bool,
    /// D-060: keep group numbers over a reload, where the host supplies them.
    pub keeps_group_numbers: bool,
    /// D-061: the counters in a save are 65536 and 8192 ahead.
    pub saves_counters_ahead: bool,
    /// D-067: answer a query without any peer with an empty response.
    pub empty_response: bool,

    /// answer an Online on an online slot once in ten seconds.
    pub repairs_half_open: bool,
    /// remember killed numbers for a minute.
    pub remembers_killed: bool,

    /// silent peers are frozen; otherwise deleted.
    pub freezes: bool,
    /// any group message is activity; otherwise only a ping.
    pub any_message_is_activity: bool,
    /// Introduced means no more than that; otherwise it drops the connection.
    pub introduced_keeps_slot: bool,
    /// a ping with a body is dropped.
    pub checks_ping_body: bool,
    /// R-066(d): announce peers that were introduced as they come online.
    pub announces_on_online: bool,
    /// online slots that must be exceeded before an introducer is released.
    pub introducer_threshold: usize,
    /// D-064: a known key is refused under another number, instead of replacing its entry.
    pub looks_up_by_key: bool,

    /// B-01: the frozen limit of a conference in a re-used place is 0.
    pub limit_lost_in_gaps: bool,
    /// B-02: a response ends at the first entry that is frozen or refused.
    pub response_stops_early: bool,
    /// B-03: titles are read modulo 256 bytes.
    pub title_length_modulo_256: bool,
    /// B-04: the second target of lossy messages is slot 0.
    pub lossy_to_slot_0: bool,
    /// B-05: anybody can remove or renumber our own entry.
    pub own_entry_unprotected: bool,
    /// B-06: one bad record makes the save unloadable.
    pub loads_all_or_nothing: bool,
    /// B-07: a member packet with a taken number is announced all the same.
    pub announces_refused_member: bool,
    /// B-08: the closest set keeps its own copy of DHT keys.
    pub stale_closest_key: bool,
    /// B-10: packets are lost on connections that never had a slot.
    pub needs_slot_history: bool,
    /// B-11: a scheduled Name is forgotten if it cannot be sent.
    pub forgets_name: bool,
    /// B-12: closest peers that found no slot are not tried again.
    pub forgets_closest: bool,
    /// B-13: friendship is looked up as an entry is created.
    pub stale_friend_flag: bool,
    /// B-15: friend connections are released at once, not at the end of the pass.
    pub releases_at_once: bool,
    /// B-17: an unused place is a conference of type 0 whose id is zero.
    pub gaps_match_zero: bool,
    /// B-20: an entry of a response takes effect before its name is looked at.
    pub stores_before_name: bool,
    /// B-21: before the own number is known it reads as 0 in lossy messages, both ways.
    pub own_number_reads_0: bool,
    /// B-22: a title that could not be sent stays.
    pub keeps_failed_title: bool,
    /// B-23: an evicted peer keeps its slot.
    pub evicted_keeps_slot: bool,
    /// B-24: cleaning sends no Introduced.
    pub cleans_silently: bool,
    /// B-25: activity counts before the key is compared.
    pub activity_before_key: bool,
    /// One pass skips the entry that took the place of a frozen one.
    pub time_out_skips: bool,
    /// The own entry takes names from messages that come back, not from the client.
    pub own_name_from_wire: bool,
    /// An empty text is sent, though nobody takes it (D-033).
    pub sends_empty_text: bool,
}

impl Profile {
    /// The seed text is law; then the specification, then c-toxcore without its defects.
    #[must_use]
    pub const fn seed() -> Self {
        Self {
            law: Law::Seed,
            sends_member: false,
            understands_member: true,
            online_after_rejoin: true,
            ping_on_online: Pings::Always,
            freezes_when_disconnected: true,
            drops_frozen_slots: true,
            frozen_limit: Some(128),
            peer_limit: None,
            duplicates: Duplicates::Wrapping,
            relay_back: RelayBack::ToAuthor,
            freeze_messages: true,
            rejoins_on_freezing: true,
            direct_when_online_only: true,
            prefix: Prefix::First8,
            gratuitous_online: false,
            cleans_slots: true,
            title_response_always: false,
            own_title_is_fresh: true,
            freshness_at_once: true,
            equal_title_is_fresh: true,
            keeps_group_numbers: true,
            saves_counters_ahead: true,
            empty_response: true,
            repairs_half_open: false,
            remembers_killed: false,
            freezes: true,
            any_message_is_activity: true,
            introduced_keeps_slot: true,
            checks_ping_body: false,
            announces_on_online: true,
            introducer_threshold: 4,
            looks_up_by_key: false,
            limit_lost_in_gaps: false,
            response_stops_early: false,
            title_length_modulo_256: false,
            lossy_to_slot_0: false,
            own_entry_unprotected: false,
            loads_all_or_nothing: false,
            announces_refused_member: false,
            stale_closest_key: false,
            needs_slot_history: false,
            forgets_name: false,
            forgets_closest: false,
            stale_friend_flag: false,
            releases_at_once: false,
            gaps_match_zero: false,
            stores_before_name: false,
            own_number_reads_0: false,
            keeps_failed_title: false,
            evicted_keeps_slot: false,
            cleans_silently: false,
            activity_before_key: false,
            time_out_skips: false,
            own_name_from_wire: false,
            sends_empty_text: false,
        }
    }

    /// The specification is law; then the seed, then c-toxcore without its defects.
    #[must_use]
    pub const fn spec() -> Self {
        Self {
            law: Law::Spec,
            relay_back: RelayBack::Never,
            prefix: Prefix::Whole,
            keeps_group_numbers: false,
            rejoins_on_freezing: false,
            ..Self::seed()
        }
    }

    /// The seed, with what this project proposes: and D-024.
    #[must_use]
    pub const fn hardened() -> Self {
        Self {
            law: Law::Hardened,
            repairs_half_open: true,
            remembers_killed: true,
            peer_limit: Some(4096),
            ..Self::seed()
        }
    }

    /// c-toxcore as it is in a release, its defects included.
    ///
    /// Releases before 0.2.8 are the legacy members of.
    #[must_use]
    pub const fn ctoxcore(release: Release) -> Self {
        let since_11 = release.0 >= 11;
        let since_10 = release.0 >= 10;
        let since_9 = release.0 >= 9;
        let since_8 = release.0 >= 8;
        let since_5 = release.0 >= 5;
        Self {
            law: Law::Ctoxcore(release),
            sends_member: since_11,
            understands_member: since_11,
            online_after_rejoin: since_9,
            ping_on_online: if since_8 { Pings::IfDue } else { Pings::Never },
            freezes_when_disconnected: since_8,
            drops_frozen_slots: since_11,
            frozen_limit: if since_10 { Some(128) } else { None },
            peer_limit: None,
            duplicates: if since_11 {
                Duplicates::Wrapping
            } else if since_5 {
                Duplicates::Plain
            } else {
                Duplicates::Ahead64
            },
            relay_back: if since_11 { RelayBack::ToAuthor } else { RelayBack::Always },
            freeze_messages: since_9,
            rejoins_on_freezing: since_8,
            direct_when_online_only: since_9,
            prefix: Prefix::First8,
            gratuitous_online: !since_11,
            cleans_slots: since_11,
            title_response_always: !since_8,
            own_title_is_fresh: false,
            freshness_at_once: false,
            equal_title_is_fresh: false,
            keeps_group_numbers: false,
            saves_counters_ahead: since_11,
            empty_response: since_11,
            repairs_half_open: false,
            remembers_killed: false,
            freezes: since_8,
            any_message_is_activity: since_8,
            introduced_keeps_slot: since_8,
            checks_ping_body: !since_8,
            announces_on_online: since_8,
            introducer_threshold: if since_8 { 4 } else { 3 },
            looks_up_by_key: !since_8,
            limit_lost_in_gaps: since_10,
            response_stops_early: since_8,
            title_length_modulo_256: true,
            lossy_to_slot_0: since_11,
            own_entry_unprotected: true,
            loads_all_or_nothing: true,
            announces_refused_member: since_11,
            stale_closest_key: since_8,
            needs_slot_history: true,
            forgets_name: true,
            forgets_closest: true,
            stale_friend_flag: since_10,
            releases_at_once: true,
            gaps_match_zero: true,
            stores_before_name: true,
            own_number_reads_0: true,
            keeps_failed_title: true,
            evicted_keeps_slot: true,
            cleans_silently: true,
            activity_before_key: since_8,
            time_out_skips: true,
            own_name_from_wire: true,
            sends_empty_text: true,
        }
    }

    /// A member from before persistent conferences: c-toxcore 0.2.7.
    #[must_use]
    pub const fn legacy() -> Self {
        Self::ctoxcore(Release::LAST_LEGACY)
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::seed()
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.law {
            Law::Seed => f.write_str("seed"),
            Law::Spec => f.write_str("spec"),
            Law::Hardened => f.write_str("hardened"),
            Law::Ctoxcore(Release::HEAD) => f.write_str("ctoxcore"),
            Law::Ctoxcore(release) => write!(f, "ctoxcore:{release}"),
        }
    }
}

/// A text that names no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a profile: use seed, spec, hardened, legacy, ctoxcore, or ctoxcore:0.2.4 and later")]
pub struct UnknownProfile;

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        match text {
            "seed" => Ok(Self::seed()),
            "spec" => Ok(Self::spec()),
            "hardened" => Ok(Self::hardened()),
            "legacy" => Ok(Self::legacy()),
            "ctoxcore" => Ok(Self::ctoxcore(Release::HEAD)),
            _ => {
                let patch = text.strip_prefix("ctoxcore:0.2.").ok_or(UnknownProfile)?;
                let digits = patch.bytes().all(|byte| byte.is_ascii_digit());
                let patch: u8 = patch.parse().map_err(|_| UnknownProfile)?;
                let known = digits && (4..u8::MAX).contains(&patch);
                if known { Ok(Self::ctoxcore(Release(patch))) } else { Err(UnknownProfile) }
            }
        }
    }
}
