//! The `toxscope` program: everything happens in [`toxscope::cli`].

fn main() -> std::process::ExitCode {
    toxscope::cli::main()
}
