//! Datagrams and keys in, one ordered stream of records out; the field table; filters.

mod conferences;
mod delivery;
mod dissector;
mod field;
pub mod filter;
mod payload;
mod record;
mod stream;
mod totals;

pub use delivery::Delivery;
pub use dissector::Dissector;
pub use field::{Field, FieldId, FieldType, Fields, Value};
pub use payload::payload;
pub use record::{Content, Context, Data, NOT_TOX, Party, Record, Transport};
pub use stream::{Item, count_unopened, stream};
pub use totals::{ConferenceTotals, PersonTotals, Totals};
