//! Scenarios that come with the program.

/// A scenario that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct Bundled {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its lines.
    pub text: &'static str,
}

macro_rules! bundled {
    ($($name:literal)*) => {
        /// All of them, in the order in which they are best read.
        pub const BUNDLED: &[Bundled] = &[
            $(Bundled {
                name: $name,
                text: include_str!(concat!("../../../samples/scenarios/", $name, ".txt")),
            },)*
        ];
    };
}

bundled! {
    "talk"
    "alone"
    "split"
    "legacy"
    "quitter"
    "titles"
    "restart"
    "missed-name"
    "new-dht-key"
    "one-way"
    "asleep"
    "late"
    "lost-trigger"
    "audio"
    "old-audio"
}
