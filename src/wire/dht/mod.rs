//! DHT packets: the keys that are in clear, the rest sealed (packets §3).

mod lan_discovery;
mod packet;
mod request;

pub use lan_discovery::LanDiscovery;
pub use packet::DhtPacket;
pub use request::DhtRequest;

pub(crate) use lan_discovery::LAYOUT as LAN_DISCOVERY_LAYOUT;
pub(crate) use packet::LAYOUT as PACKET_LAYOUT;
pub(crate) use request::LAYOUT as REQUEST_LAYOUT;
