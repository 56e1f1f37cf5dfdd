//! Links the static libtoxcore so that what its conference code calls downwards arrives at us.

use std::process::Command;

/// The functions that the conference code calls and `src/world.rs` answers.
const WRAPPED: &[&str] = &[
    "dht_get_self_public_key",
    "friend_con_connected",
    "friend_connection_callbacks",
    "friend_connection_crypt_connection_id",
    "friend_connection_lock",
    "friendconn_net_crypto",
    "get_friendcon_public_keys",
    "getfriend_conn_id_pk",
    "getfriend_id",
    "getfriendcon_id",
    "kill_friend_connection",
    "m_callback_conference_invite",
    "mono_time_get",
    "mono_time_is_timeout",
    "nc_get_self_public_key",
    "new_friend_connection",
    "new_symmetric_key",
    "random_u16",
    "send_conference_invite_packet",
    "send_lossy_cryptpacket",
    "set_dht_temp_pk",
    "set_global_status_callback",
    "write_cryptpacket",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(original)");
    let mut arguments: Vec<String> =
        WRAPPED.iter().map(|symbol| format!("-Wl,--wrap={symbol}")).collect();
    for library in ["libtoxcore.a", "libsodium.a"] {
        let Some(path) = find(library) else {
            println!("cargo::warning={library} is missing: install libtoxcore-dev (Debian)");
            return;
        };
        arguments.push(path);
    }
    println!("cargo::rustc-cfg=original");
    for argument in &arguments {
        println!("cargo::rustc-link-arg={argument}");
    }
    // For the fuzz target, which is linked by another package.
    println!("cargo::metadata=link_arguments={}", arguments.join("\t"));
}

/// Where the C compiler finds a library.
fn find(library: &str) -> Option<String> {
    let found = Command::new("cc").arg(format!("-print-file-name={library}")).output().ok()?;
    let path = String::from_utf8(found.stdout).ok()?.trim().to_owned();
    path.contains('/').then_some(path)
}
