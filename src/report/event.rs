//! What an endpoint sees and sends, in short.

use std::ops::ControlFlow;

use super::list::describe_field;
use super::style::{Tone, styled};
use super::who::short;
use crate::conference::{Departure, Event};
use crate::dissect::payload;
use crate::printable::printable;
use crate::wire::{Kind, Packet, PeerNumber};

/// Columns of names, titles and messages that a line shows.
const TEXT_WIDTH: usize = 200;

/// What an endpoint sees. `of` names the member that has a number, `friend` is who invites.
pub(super) fn describe_event(
    event: &Event,
    color: bool,
    of: &dyn Fn(PeerNumber) -> String,
    friend: &str,
) -> String {
    let said = |text: &[u8]| {
        let text = printable(text).quoted().cut(TEXT_WIDTH);
        styled(color, Tone::Said, text).to_string()
    };
    match event {
        Event::Invited { .. } => format!("is invited by {friend}"),
        Event::Opened { group, conference } => {
            let (kind, id) = (conference.kind, short(&conference.id.0));
            format!("opens the {kind} conference {id} under number {group}")
        }
        Event::Connected { .. } => "is a member".to_owned(),
        Event::Closed { .. } => "has left".to_owned(),
        Event::PeerJoined { peer, thawed: false, .. } => format!("sees {} join", of(*peer)),
        Event::PeerJoined { peer, thawed: true, .. } => format!("sees {} return", of(*peer)),
        Event::PeerLeft { peer, why, .. } => {
            let peer = of(*peer);
            match why {
                Departure::Killed => format!("sees {peer} leave for good"),
                Departure::Frozen => format!("freezes {peer}"),
                Departure::Deleted => format!("deletes {peer}"),
                Departure::Replaced => format!("replaces the entry of {peer}"),
            }
        }
        Event::Evicted { peer, .. } => format!("forgets {}, who was frozen", of(*peer)),
        Event::Named { peer, name, .. } => format!("calls {} {}", of(*peer), said(name)),
        Event::Titled { by: Some(by), title, .. } => {
            format!("sees {} set the title {}", of(*by), said(title))
        }
        Event::Titled { by: None, title, .. } => format!("is told the title {}", said(title)),
        Event::Said { peer, action: false, text, .. } => {
            format!("hears {} say {}", of(*peer), said(text))
        }
        Event::Said { peer, action: true, text, .. } => {
            format!("sees {} {}", of(*peer), said(text))
        }
        Event::Heard { peer, sequence_number, .. } => {
            format!("hears audio {sequence_number} of {}", of(*peer))
        }
        Event::Impersonated { message_number, .. } => {
            format!("sees its own number {message_number} in use by somebody else")
        }
    }
}

/// What a packet says, in short.
pub(super) fn describe_packet(bytes: &[u8], color: bool) -> String {
    let packet = Packet::parse(bytes);
    let kind = packet.as_ref().map_or(Kind::Malformed, Packet::kind);
    let mut text = format!("{:15}", kind.name());
    let _ = payload(&packet, &mut |id, value| {
        // A string takes whatever is written.
        let _ = describe_field(id, value, color, &mut text);
        ControlFlow::Continue(())
    });
    text
}
