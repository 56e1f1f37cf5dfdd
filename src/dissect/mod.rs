//! Datagrams and keys in, one ordered stream of records out; the field table; filters.

mod batch;
mod conferences;
mod delivery;
mod dissector;
mod field;
pub mod filter;
mod late;
mod opener;
mod payload;
mod record;
mod recorder;
mod source;
mod stream;
mod totals;

pub use delivery::Delivery;
pub use dissector::Dissector;
pub use field::{Field, FieldId, FieldType, Fields, Value};
pub use late::{MoreKeys, TICK};
pub use payload::payload;
pub use record::{
    Content, Context, Data, NOT_TOX, Party, RELAY_ANSWER, RELAY_FRAME, RELAY_HANDSHAKE, Record,
    Relay, Transport,
};
pub use stream::{Ended, Item, count_unopened, stream, stream_parallel};
pub use totals::{ConferenceTotals, PersonTotals, RelayTotals, Totals};
