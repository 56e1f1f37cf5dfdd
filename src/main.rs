//! The `toxscope` program: everything happens in [`toxscope::cli`].

ctor::declarative::ctor! {
    /// Only here can it be seen that standard output is closed.
    #[ctor(unsafe)]
    fn before_main() {
        toxscope::cli::before_main();
    }
}

fn main() -> std::process::ExitCode {
    toxscope::cli::main()
}
