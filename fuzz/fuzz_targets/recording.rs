#![no_main]

use libfuzzer_sys::fuzz_target;
use toxscope::fuzzing;

fuzz_target!(|data: &[u8]| fuzzing::recording(data));
