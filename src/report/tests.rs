//! A stand-in for records.

use std::ops::ControlFlow;

use crate::dissect::{FieldId, Fields, Value};
use crate::time::Timestamp;

/// A record made of values.
pub(super) struct Sample(pub(super) Vec<(FieldId, Value<'static>)>);

impl Fields for Sample {
    fn each(&self, each: &mut dyn FnMut(FieldId, Value<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        self.0.iter().try_for_each(|(id, value)| each(*id, *value))
    }
}

impl Sample {
    pub(super) fn invite() -> Self {
        let at = Timestamp::from_parts(1_795_367_201, 318_220_000);
        Self(vec![
            (FieldId::Frame, Value::Unsigned(812)),
            (FieldId::Time, Value::Time(at)),
            (FieldId::Rel, Value::Nanos(9_091_000_000)),
            (FieldId::Src, Value::Address("127.0.0.1:44100".parse().unwrap())),
            (FieldId::Dst, Value::Address("[::1]:44101".parse().unwrap())),
            (FieldId::Transport, Value::Name("udp")),
            (FieldId::From, Value::Key(&[0x5a; 32])),
            (FieldId::Session, Value::Unsigned(3)),
            (FieldId::Number, Value::Unsigned(7)),
            (FieldId::Ack, Value::Unsigned(7)),
            (FieldId::Resend, Value::Bool(false)),
            (FieldId::Kind, Value::Name("invite")),
            (FieldId::Bytes, Value::Unsigned(37)),
            (FieldId::GroupNumber, Value::Unsigned(0)),
            (FieldId::ConferenceType, Value::Name("text")),
            (FieldId::ConferenceId, Value::Key(&[0x5a; 32])),
        ])
    }
}
