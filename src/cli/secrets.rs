//! Keys stay in the memory of this process (threat 13).

/// Sees to it that no core dump is written of this process, and that no other process of the same user can
/// look into its memory: any capture may have keys inside. Does nothing where the system has no such means.
pub(super) fn keep_in_memory() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};

        // Kernels since 2.4 know it; one that refuses leaves what the user's limits say.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
