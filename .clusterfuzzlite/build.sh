#!/bin/bash -eu
# Builds all fuzz targets into $OUT, each with its corpus and its dictionary, for ClusterFuzzLite and OSS-Fuzz.
# The container sets OUT, and RUSTFLAGS for the sanitizer; `cargo` is a nightly there.

cargo fuzz build -O --debug-assertions
host=$(rustc -vV | sed -n 's/^host: //p')
for target in $(fuzz/lab list); do
    cp "fuzz/target/$host/release/$target" "$OUT/"
    zip -q -j -r "$OUT/${target}_seed_corpus.zip" "corpus/$target"
    dictionary=fuzz/dictionaries/$target.dict
    [ -e "$dictionary" ] || dictionary=fuzz/dictionaries/wire.dict
    cp "$dictionary" "$OUT/$target.dict"
    printf '[libfuzzer]\nmax_len = 4096\ntimeout = 5\nrss_limit_mb = 2048\n' > "$OUT/$target.options"
done
