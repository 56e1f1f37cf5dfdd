//! Arguments, wiring and exit codes.

/// Runs the program with the arguments, environment and streams of this process.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
