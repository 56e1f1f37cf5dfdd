//! `toxscope live` and `toxscope record`, as far as it goes without rights and without libpcap; the rest is in `interop/tests/`.

use crate::run;

#[test]
fn what_is_wrong_with_the_command_line_is_said_before_a_device_is_opened() {
    for (args, expected) in [
        (&["live"][..], "name an interface with -i"),
        (&["live", "-i", "lo", "-Y", "kind =="], "filter, column"),
        (&["live", "-i", "lo", "-e", "knid"], "did you mean kind?"),
        (&["live", "-i", "lo", "-b", "filesize:1M"], "--write"),
        (&["live", "-i", "lo", "-w", "x", "-b", "files:3"], "needs to know when a file is full"),
        (&["live", "-i", "lo", "-w", "x", "-b", "size:3"], "filesize:BYTES"),
        (&["live", "-i", "lo", "--duration", "x"], "number of seconds"),
        (&["live", "-i", "lo", "-s", "1"], "1 is not in"),
        (&["record", "-o", "x.keys", "--", "id"], "is a key log"),
        (&["record", "-o", "x.pcapng"], "<CMD>"),
    ] {
        let (code, out, err) = run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(expected), "{args:?}: {err}");
    }
}

#[test]
fn an_interface_that_is_not_there_is_named_or_what_is_missing() {
    let (code, out, err) = run(&["live", "-i", "no\x1bsuch"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    // Without libpcap, without rights, or with all that.
    let known = ["no interface no", "libpcap is not installed", "It takes root"];
    assert!(known.iter().any(|known| err.contains(known)) && !err.contains('\x1b'), "{err}");
}
