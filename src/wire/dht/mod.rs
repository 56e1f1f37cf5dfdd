//! DHT packets: the keys that are in clear, the rest sealed (packets §3).

mod lan_discovery;
mod packet;
mod request;

pub use lan_discovery::LanDiscovery;
pub use packet::DhtPacket;
pub use request::DhtRequest;
