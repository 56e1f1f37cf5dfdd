//! Devices, through libpcap.

use std::time::Duration;

use anyhow::{anyhow, bail};
use pcap::{Active, Capture, Device, Linktype, Packet, Precision, Stat};

use crate::capture::LinkType;
use crate::capture::pcapng::{Interface, Resolution};
use crate::cli::args::DeviceArgs;
use crate::report::printable;
use crate::time::Timestamp;

/// After so many milliseconds, the system hands over what has come, however little it is.
const HAND_OVER: i32 = 10;

/// A device that is open.
pub(in crate::cli) struct Open {
    capture: Capture<Active>,
    link: LinkType,
    resolution: Resolution,
    name: String,
    snap_length: u32,
    pub(super) immediate: bool,
}

impl Open {
    /// Opens a device; takes whatever rights that takes.
    pub(in crate::cli) fn new(interface: &str, args: &DeviceArgs) -> anyhow::Result<Self> {
        let snap_length = args.snap_length;
        let buffer = i32::try_from(args.buffer).unwrap_or(i32::MAX);
        let open = |precision| {
            Capture::from_device(interface)?
                .promisc(args.promiscuous)
                .snaplen(i32::try_from(snap_length).unwrap_or(i32::MAX))
                .timeout(HAND_OVER)
                .immediate_mode(args.immediate)
                .buffer_size(buffer)
                .precision(precision)
                .open()
        };
        let (capture, resolution) = match open(Precision::Nano) {
            Ok(capture) => (capture, Resolution::NANOSECONDS),
            Err(nano) => match open(Precision::Micro) {
                Ok(capture) => (capture, Resolution::MICROSECONDS),
                Err(_) => return Err(explained(interface, &nano)),
            },
        };
        let capture = capture.setnonblock().map_err(|error| explained(interface, &error))?;
        let Linktype(link) = capture.get_datalink();
        let Ok(link) = u16::try_from(link) else {
            bail!("{}: link type {link} is not known", printable(interface));
        };
        let (link, name) = (LinkType(file_link_type(link)), interface.to_owned());
        Ok(Self { capture, link, resolution, name, snap_length, immediate: args.immediate })
    }

    /// Has the system hand over only what a filter in libpcap's language wants.
    pub(in crate::cli) fn filter(&mut self, filter: &str) -> anyhow::Result<()> {
        self.capture.filter(filter, true).map_err(|error| {
            anyhow!("capture filter {}: {}", printable(filter).quoted().cut(200), message(&error))
        })
    }

    /// What a pcapng file says of it.
    pub(in crate::cli) fn interface(&self) -> Interface<'_> {
        let (link, snap_length) = (self.link, self.snap_length);
        Interface { link, snap_length, resolution: self.resolution, name: Some(&self.name) }
    }

    /// Hands the packets that have come to `each`, at most so many: when, its bytes, and how many bytes there
    /// were. Does not wait for any; gives how many there were.
    pub(in crate::cli) fn take(
        &mut self,
        most: usize,
        mut each: impl FnMut(Timestamp, &[u8], u32),
    ) -> anyhow::Result<u64> {
        let mut taken = 0;
        let unit = if self.resolution == Resolution::NANOSECONDS { 1 } else { 1000 };
        let done = self.capture.dispatch(Some(most), |Packet { header, data }| {
            let nanos = header.ts.tv_usec.saturating_mul(unit);
            each(Timestamp::from_parts(header.ts.tv_sec, nanos), data, header.len);
            taken += 1;
        });
        match done {
            Ok(_) | Err(pcap::Error::TimeoutExpired) => Ok(taken),
            // What came before an error is not lost; it comes again at the next attempt.
            Err(_) if taken > 0 => Ok(taken),
            Err(error) => bail!("the capture broke off: {}", message(&error)),
        }
    }

    /// How long the system may take until it hands over what has come.
    pub(in crate::cli) const fn delay(&self) -> Duration {
        if self.immediate { Duration::ZERO } else { Duration::from_millis(2 * HAND_OVER as u64) }
    }

    /// How many packets were dropped, if that is known.
    pub(in crate::cli) fn stat(&mut self) -> Option<Stat> {
        self.capture.stats().ok()
    }
}

/// A few link types have another number in files than on Linux devices; raw IP is the one that matters.
const fn file_link_type(link: u16) -> u16 {
    if link == 12 { LinkType::RAW.0 } else { link }
}

/// The devices that there are, and what they are, one a line.
pub(super) fn list() -> anyhow::Result<Vec<[String; 3]>> {
    let devices = Device::list().map_err(|error| anyhow!("{}", message(&error)))?;
    let rows = devices.into_iter().map(|device| {
        let flags = &device.flags;
        let state = [
            (flags.is_up(), "up"),
            (flags.is_running(), "running"),
            (flags.is_loopback(), "loopback"),
            (flags.is_wireless(), "wireless"),
        ];
        let state: Vec<_> = state.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
        let addresses: Vec<_> = device.addresses.iter().map(|it| it.addr.to_string()).collect();
        let described = device.desc.unwrap_or_default();
        let about = if addresses.is_empty() { described } else { addresses.join(" ") };
        [printable(&device.name).to_string(), state.join(" "), printable(&about).to_string()]
    });
    Ok(rows.collect())
}

fn message(error: &pcap::Error) -> String {
    let text = match error {
        pcap::Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    };
    printable(text.trim()).to_string()
}

/// Why a device does not open, and what to do about it.
fn explained(interface: &str, error: &pcap::Error) -> anyhow::Error {
    let (text, interface) = (message(error), printable(interface));
    let lower = text.to_lowercase();
    if lower.contains("not installed") {
        anyhow!("{text}; live capture needs it, everything else works without")
    } else if lower.contains("permission") || lower.contains("not permitted") {
        anyhow!(
            "cannot capture on {interface}: {text}\nIt takes root (sudo), which is given up as soon as the device \
             is open, or the program has to have the one right it needs: \
             sudo setcap cap_net_raw+ep \"$(command -v toxscope)\""
        )
    } else if lower.contains("no such device") || lower.contains("doesn't exist") {
        anyhow!(
            "there is no interface {interface}; `toxscope live --list` names those that there are"
        )
    } else {
        anyhow!("cannot capture on {interface}: {text}")
    }
}
