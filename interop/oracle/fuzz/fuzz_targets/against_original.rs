#![no_main]

use libfuzzer_sys::fuzz_target;
use toxscope_oracle::against_original;

fuzz_target!(|data: &[u8]| against_original(data));
